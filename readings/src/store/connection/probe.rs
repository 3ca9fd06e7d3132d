//! One command that a role needs, in a form that changes nothing, and what its reply says.

use redis::{Cmd, Value};

use super::reply;
use crate::store::error_class::is_unknown_command;

/// A command in a form that changes nothing.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    name: &'static str,
    key: Option<String>,
    pub command: Cmd,
    /// Whether a value is one that Redis can have answered; an error always is.
    expected: fn(&Value) -> bool,
}

/// What a reply to a probe says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// The command can be used; or it cannot be now, which its use will tell.
    Usable,
    /// The server has no such command.
    Unknown,
    /// The user may not use it, or not on this key.
    Denied,
    /// The reply is none that Redis gives.
    Nonsense,
}

impl Probe {
    pub fn new(
        name: &'static str,
        key: Option<&str>,
        command: Cmd,
        expected: fn(&Value) -> bool,
    ) -> Self {
        Self { name, key: key.map(str::to_owned), command, expected }
    }

    /// The command without its subcommand.
    pub fn command_name(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or_default()
    }

    /// The command as messages name it.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The command and the key that was tried.
    pub fn describe(&self) -> String {
        match &self.key {
            Some(key) => format!("{} on {key}", self.name),
            None => self.name.to_owned(),
        }
    }

    pub fn judge(&self, reply: &Value) -> Finding {
        let Value::ServerError(error) = reply else {
            return if (self.expected)(reply) { Finding::Usable } else { Finding::Nonsense };
        };
        match (error.code(), error.details()) {
            ("NOPERM", _) => Finding::Denied,
            // What Redis says instead of any refusal of EXEC.
            ("EXECABORT", Some(text)) if text.contains("NOPERM") => Finding::Denied,
            (_, Some(text)) if is_unknown_command(text) => Finding::Unknown,
            _ => Finding::Usable,
        }
    }
}

/// A command that is an error in this form.
pub(super) const fn fails(_: &Value) -> bool {
    false
}

pub(super) fn integer(value: &Value) -> bool {
    reply::integer(value).is_some()
}

pub(super) fn zero(value: &Value) -> bool {
    reply::integer(value) == Some(0)
}

pub(super) const fn nil(value: &Value) -> bool {
    matches!(value, Value::Nil)
}

pub(super) const fn array(value: &Value) -> bool {
    matches!(value, Value::Array(_))
}

/// A list that is empty.
pub(super) fn nothing(value: &Value) -> bool {
    matches!(value, Value::Array(items) if items.is_empty())
}

/// Seconds and microseconds.
pub(super) fn time(value: &Value) -> bool {
    matches!(value, Value::Array(items) if items.len() == 2)
}

pub(super) const fn okay(value: &Value) -> bool {
    matches!(value, Value::Okay)
}

pub(super) fn pong(value: &Value) -> bool {
    reply::text(value.clone()).is_some_and(|text| text == "PONG")
}

pub(super) fn server_info(value: &Value) -> bool {
    reply::text(value.clone()).is_some_and(|text| text.contains("redis_version:"))
}

#[cfg(test)]
mod tests {
    use redis::{cmd, parse_redis_value};

    use super::*;

    #[test]
    fn a_reply_says_whether_the_command_can_be_used() {
        let probe = Probe::new("XLEN", Some("stream"), cmd("XLEN"), integer);
        let judge = |reply: &[u8]| probe.judge(&parse_redis_value(reply).unwrap());
        assert_eq!(judge(b":5\r\n"), Finding::Usable);
        assert_eq!(judge(b"-LOADING Redis is loading\r\n"), Finding::Usable);
        assert_eq!(judge(b"-ERR wrong number of arguments\r\n"), Finding::Usable);
        assert_eq!(judge(b"-ERR unknown command 'XLEN'\r\n"), Finding::Unknown);
        let aborted = b"-EXECABORT Transaction discarded because of: NOPERM this user has no\r\n";
        assert_eq!(judge(aborted), Finding::Denied);
        assert_eq!(judge(b"-NOPERM No permissions to access a key\r\n"), Finding::Denied);
        for nonsense in [&b"$3\r\nfoo\r\n"[..], b"+OK\r\n", b"*0\r\n", b"$-1\r\n"] {
            assert_eq!(judge(nonsense), Finding::Nonsense);
        }
    }
}
