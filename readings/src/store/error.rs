//! Errors of Redis.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use redis::RedisError;

use super::archive_error::ArchiveError;
use super::error_class::ErrorClass;

/// The operation of errors before any command was sent.
pub(super) const CONNECT: &str = "connect";

/// The server of an error, as logs name it: `host:port`, the path of a socket, or a master with its
/// Sentinels.
pub(super) type ServerName = Arc<str>;

/// A failed command. Its text is for logs: it contains the server and the cause, each once (so there is no
/// [`std::error::Error::source`], which would repeat the cause).
#[derive(Debug, Clone)]
pub struct StoreError {
    /// The Redis command that failed.
    pub operation: &'static str,
    /// Its class.
    pub class: ErrorClass,
    server: ServerName,
    cause: Cause,
    /// Whether another part of the same request was carried out, or may have been.
    is_partial: bool,
}

#[derive(Debug, Clone)]
enum Cause {
    /// The error of the server or the client library.
    Redis(RedisError),
    /// A finding of this process.
    Found(Cow<'static, str>),
}

impl std::error::Error for StoreError {}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, class, server, cause, .. } = self;
        write!(f, "{operation} failed at {server} ({class}): {cause}")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(text) => f.write_str(text),
            Self::Redis(error) => match (error.code(), error.detail()) {
                (Some(code), Some(detail)) => write!(f, "{code} {detail}"),
                _ => error.fmt(f),
            },
        }
    }
}

impl StoreError {
    pub(super) fn new(server: &ServerName, operation: &'static str, cause: RedisError) -> Self {
        let class = ErrorClass::of(&cause);
        let (server, cause) = (Arc::clone(server), Cause::Redis(cause));
        Self { operation, class, server, cause, is_partial: false }
    }

    /// A finding about the server, or the way to it.
    pub(super) fn found(
        server: &ServerName,
        operation: &'static str,
        class: ErrorClass,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (server, cause) = (Arc::clone(server), Cause::Found(text.into()));
        Self { operation, class, server, cause, is_partial: false }
    }

    /// A failure of the archive. The text names it, and no server of Redis.
    pub(super) fn of_archive(error: &ArchiveError) -> Self {
        let server = error.url.as_str().into();
        Self::found(&server, error.operation, ErrorClass::Archive, error.cause.clone())
    }

    /// A reply whose shape the command's documentation does not describe.
    pub(super) fn unexpected_reply(server: &ServerName, operation: &'static str) -> Self {
        let text = "the reply has an unexpected shape";
        Self::found(server, operation, ErrorClass::Other, text)
    }

    /// The same error at another server.
    pub(super) fn of(self, server: &ServerName) -> Self {
        Self { server: Arc::clone(server), ..self }
    }

    /// The code that the server's error begins with, such as `BUSYGROUP`.
    pub(super) fn code(&self) -> Option<&str> {
        match &self.cause {
            Cause::Redis(error) => error.code(),
            Cause::Found(_) => None,
        }
    }

    /// Whether a node of a Redis Cluster has sent the command elsewhere.
    pub(super) fn is_redirection(&self) -> bool {
        matches!(self.code(), Some("MOVED" | "ASK"))
    }

    /// Where a node of a Redis Cluster has sent the command: `host:port`.
    pub(super) fn redirected_to(&self) -> Option<&str> {
        match &self.cause {
            Cause::Redis(error) => error.redirect_node().map(|(address, _)| address),
            Cause::Found(_) => None,
        }
    }

    /// The same error in another class.
    pub(super) fn in_class(self, class: ErrorClass) -> Self {
        Self { class, ..self }
    }

    /// Whether a key does not exist; `XINFO` has no code of its own for that.
    #[must_use]
    pub fn is_missing_key(&self) -> bool {
        let Cause::Redis(error) = &self.cause else { return false };
        self.code() == Some("ERR") && error.detail().is_some_and(|text| text == "no such key")
    }

    /// Whether no server was reached: it refused the connection, or has no address.
    pub(super) fn was_never_connected(&self) -> bool {
        matches!(&self.cause, Cause::Redis(error) if error.is_connection_refusal())
    }

    /// Whether the server may have executed the command although no reply arrived, or has executed another part of the
    /// same request.
    #[must_use]
    pub fn outcome_is_unknown(&self) -> bool {
        let sent = self.operation != CONNECT;
        self.is_partial
            || sent && matches!(self.class, ErrorClass::Timeout | ErrorClass::Disconnected)
    }

    /// The same error of a request of which another part was carried out, or may have been.
    pub(super) fn with_unknown_outcome(self) -> Self {
        Self { is_partial: true, ..self }
    }

    /// The text without the server, for clients and dead letters.
    #[must_use]
    pub fn without_server(&self) -> String {
        let Self { operation, class, cause, .. } = self;
        format!("{operation} failed ({class}): {cause}")
    }

    /// Why the server cannot be used, and the remedy, where this process found it. It contains no address and no
    /// path, so a client may be shown it.
    #[must_use]
    pub fn finding(&self) -> Option<&str> {
        match &self.cause {
            Cause::Found(text) if self.class == ErrorClass::Unsuitable => Some(text),
            // A constant: it cannot contain either.
            Cause::Found(Cow::Borrowed(text)) => Some(text),
            _ => None,
        }
    }
}

/// The result of a command.
pub type StoreResult<T> = Result<T, StoreError>;

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_text_has_the_server_and_the_cause_once() {
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "Connection refused");
        let error = StoreError::new(&"one:6379".into(), CONNECT, refused.into());
        let text = format!("{:#}", anyhow_like(&error));
        assert_eq!(text, "connect failed at one:6379 (disconnected): Connection refused");
        assert_eq!(error.without_server(), "connect failed (disconnected): Connection refused");
    }

    /// An error with all its sources, as `anyhow` writes them.
    fn anyhow_like(error: &dyn std::error::Error) -> String {
        let sources = std::iter::successors(Some(error), |error| error.source());
        sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }

    #[test]
    fn only_a_command_that_was_sent_may_have_been_executed() {
        let late = || RedisError::from(io::Error::from(io::ErrorKind::TimedOut));
        assert!(StoreError::new(&"one".into(), "XADD", late()).outcome_is_unknown());
        assert!(!StoreError::new(&"one".into(), CONNECT, late()).outcome_is_unknown());
    }
}
