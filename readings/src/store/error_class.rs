//! Classes of Redis errors, each with one way to react.

use std::fmt;

use redis::RedisError;

/// Classes of Redis errors, each with one way to react.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The stream or its consumer group does not exist: create it again, from the start of the stream.
    NoGroup,
    /// The server is loading, runs a long script, has reached `maxclients`, or has lost its cluster: retry
    /// later.
    Busy,
    /// The server is a replica, or has lost its master: reconnect.
    ReadOnly,
    /// No memory, no disk or too few replicas: nothing was written; retry later.
    Full,
    /// No reply in time; the command may have been executed.
    Timeout,
    /// The connection was closed, or could not be established.
    Disconnected,
    /// Wrong or missing credentials, or a command or key that the user has no permission for.
    Denied,
    /// The key has another type than the command expects.
    WrongType,
    /// The stream has run out of entry ids: an operator must rename the stream.
    Exhausted,
    /// The server cannot be used: it is a node of a cluster, lacks a needed command, or is not Redis. An
    /// operator must name another or change its configuration.
    Unsuitable,
    /// The archive does not reply, lacks a file, or is not configured: what needs it fails, until it is back.
    Archive,
    /// Another error, most likely a defect.
    Other,
}

/// The beginning of Redis' error for `XADD` to a stream whose last id is the largest.
const EXHAUSTED: &str = "The stream has exhausted the last possible ID";

/// Redis 7's errors for denied commands and keys within scripts, and the client library's for a denied
/// `SELECT`; all others begin with `NOPERM`.
const DENIED: [&str; 4] = [
    "can't run this command",
    "can't access at least one of the keys",
    "ACL failure in script",
    "no permissions to run",
];

impl ErrorClass {
    pub(super) fn of(error: &RedisError) -> Self {
        match error.code() {
            // UNBLOCKED: the stream was deleted or replaced while a read blocked on it, and its group with
            // it. The next read would fail with NOGROUP.
            Some("NOGROUP" | "UNBLOCKED") => Self::NoGroup,
            Some("LOADING" | "BUSY" | "TRYAGAIN" | "CLUSTERDOWN") => Self::Busy,
            Some("READONLY" | "MASTERDOWN") => Self::ReadOnly,
            Some("OOM" | "MISCONF" | "NOREPLICAS") => Self::Full,
            Some("NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED") => Self::Denied,
            Some("WRONGTYPE") => Self::WrongType,
            Some("MOVED" | "ASK") => Self::Unsuitable,
            Some("ERR") => Self::of_text(error.detail().unwrap_or_default()),
            _ if error.is_timeout() => Self::Timeout,
            _ if error.kind() == redis::ErrorKind::AuthenticationFailed => Self::Denied,
            _ if error.kind() == redis::ErrorKind::RESP3NotSupported => Self::Unsuitable,
            _ if error.is_unrecoverable_error() || error.is_io_error() => Self::Disconnected,
            _ => Self::Other,
        }
    }

    /// Errors without a code of their own.
    fn of_text(text: &str) -> Self {
        if text.contains(EXHAUSTED) {
            Self::Exhausted
        } else if text.starts_with("max number of clients reached") {
            Self::Busy
        } else if is_unknown_command(text) {
            Self::Unsuitable
        } else if DENIED.iter().any(|denied| text.contains(denied)) {
            Self::Denied
        } else {
            Self::Other
        }
    }

    /// All the names.
    pub const NAMES: [&str; 12] = {
        use ErrorClass::{
            Archive, Busy, Denied, Disconnected, Exhausted, Full, NoGroup, Other, ReadOnly,
            Timeout, Unsuitable, WrongType,
        };
        [
            NoGroup.name(),
            Busy.name(),
            ReadOnly.name(),
            Full.name(),
            Timeout.name(),
            Disconnected.name(),
            Denied.name(),
            WrongType.name(),
            Exhausted.name(),
            Unsuitable.name(),
            Archive.name(),
            Other.name(),
        ]
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
            Self::Exhausted => "exhausted",
            Self::Unsuitable => "unsuitable",
            Self::Archive => "archive",
            Self::Other => "other",
        }
    }
}

/// Whether an error (`ERR …`) reports that the server does not know the command, or its subcommand.
pub(super) fn is_unknown_command(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.starts_with("unknown command")
        || text.starts_with("unknown subcommand")
        || text.starts_with("unknown redis command")
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_without_a_code_of_their_own_are_classified_by_their_text() {
        let class = |reply: &[u8]| {
            let reply = redis::parse_redis_value(reply).unwrap();
            ErrorClass::of(&reply.extract_error().unwrap_err())
        };
        let exhausted =
            b"-ERR The stream has exhausted the last possible ID, unable to add more items\r\n";
        assert_eq!(class(exhausted), ErrorClass::Exhausted);
        assert_eq!(class(b"-ERR max number of clients reached\r\n"), ErrorClass::Busy);
        assert_eq!(class(b"-ERR unknown command 'XINFO', with args\r\n"), ErrorClass::Unsuitable);
        assert_eq!(class(b"-MOVED 5 127.0.0.1:1\r\n"), ErrorClass::Unsuitable);
        assert_eq!(class(b"-ERR something\r\n"), ErrorClass::Other);
    }
}
