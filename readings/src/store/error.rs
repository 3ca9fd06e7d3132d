//! What can go wrong between us and Redis, by what to do about it.

use std::fmt;

use redis::RedisError;

/// The operation of errors in which nothing had been sent yet.
pub(super) const CONNECT: &str = "connect";

/// A failed exchange with Redis. Its text is for logs: it may name addresses.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} failed ({class}): {source}")]
pub struct StoreError {
    /// The Redis command that failed.
    pub operation: &'static str,
    /// What kind of trouble it is.
    pub class: ErrorClass,
    #[source]
    source: RedisError,
}

impl StoreError {
    pub(super) fn new(operation: &'static str, source: RedisError) -> Self {
        Self { operation, class: ErrorClass::of(&source), source }
    }

    /// A reply of another shape than the command's documentation says.
    pub(super) fn unexpected_reply(operation: &'static str) -> Self {
        let text = "the reply has an unexpected shape";
        Self::new(operation, RedisError::from((redis::ErrorKind::UnexpectedReturnType, text)))
    }

    /// The code that the server began its refusal with, such as `BUSYGROUP`.
    pub(super) fn code(&self) -> Option<&str> {
        self.source.code()
    }

    /// `XINFO` has no code of its own for a key that does not exist.
    #[must_use]
    pub fn is_missing_key(&self) -> bool {
        self.code() == Some("ERR") && self.source.detail().is_some_and(|text| text == "no such key")
    }

    /// Whether the server may have carried out the command although we have no answer.
    #[must_use]
    pub fn outcome_is_unknown(&self) -> bool {
        let sent = self.operation != CONNECT;
        sent && matches!(self.class, ErrorClass::Timeout | ErrorClass::Disconnected)
    }
}

/// Classes of trouble, each with one way to act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The stream or its consumer group is gone: create it again, at the start of the stream.
    NoGroup,
    /// The server is loading, runs a long script or has lost its cluster: wait and try again.
    Busy,
    /// The server is a replica, or one without its master: connect anew.
    ReadOnly,
    /// No memory, no disk or too few replicas: nothing was written; wait and try again.
    Full,
    /// No answer in time; the command may have been carried out.
    Timeout,
    /// The connection is gone or could not be made.
    Disconnected,
    /// Wrong or missing credentials, or a command that the user may not send.
    Denied,
    /// The key holds another kind of value than a reading's.
    WrongType,
    /// Anything else, most likely a defect.
    Other,
}

impl ErrorClass {
    fn of(error: &RedisError) -> Self {
        match error.code() {
            Some("NOGROUP" | "UNBLOCKED") => Self::NoGroup,
            Some("LOADING" | "BUSY" | "TRYAGAIN" | "CLUSTERDOWN") => Self::Busy,
            Some("READONLY" | "MASTERDOWN") => Self::ReadOnly,
            Some("OOM" | "MISCONF" | "NOREPLICAS") => Self::Full,
            Some("NOAUTH" | "WRONGPASS" | "NOPERM") => Self::Denied,
            Some("WRONGTYPE") => Self::WrongType,
            _ if error.is_timeout() => Self::Timeout,
            _ if error.kind() == redis::ErrorKind::AuthenticationFailed => Self::Denied,
            _ if error.is_unrecoverable_error() || error.is_io_error() => Self::Disconnected,
            _ => Self::Other,
        }
    }

    /// All the names.
    pub const NAMES: [&str; 9] = {
        use ErrorClass::{
            Busy, Denied, Disconnected, Full, NoGroup, Other, ReadOnly, Timeout, WrongType,
        };
        let [a, b, c] = [NoGroup.name(), Busy.name(), ReadOnly.name()];
        let [d, e, f] = [Full.name(), Timeout.name(), Disconnected.name()];
        [a, b, c, d, e, f, Denied.name(), WrongType.name(), Other.name()]
    };

    /// A short name for logs and metric labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoGroup => "no_group",
            Self::Busy => "busy",
            Self::ReadOnly => "read_only",
            Self::Full => "full",
            Self::Timeout => "timeout",
            Self::Disconnected => "disconnected",
            Self::Denied => "denied",
            Self::WrongType => "wrong_type",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The result of an exchange with Redis.
pub type StoreResult<T> = Result<T, StoreError>;
