//! A command that a role needs, in a form that changes nothing, and how its reply is interpreted.

use redis::{Cmd, Value};

use super::reply;
use crate::store::error_class::is_unknown_command;

/// A command in a form that changes nothing.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    name: &'static str,
    key: Option<String>,
    pub command: Cmd,
    /// Whether Redis can have replied with this value; an error is always possible.
    expected: fn(&Value) -> bool,
}

/// The meaning of a reply to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProbeResult {
    /// The command can be used, or fails for a reason that passes (`LOADING`).
    Available,
    /// The server has no such command.
    UnknownCommand,
    /// The user lacks the permission for it, or for this key.
    Denied,
    /// Not a reply of Redis.
    Unexpected,
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

    /// Interprets a reply to the command.
    pub fn interpret(&self, reply: &Value) -> ProbeResult {
        let Value::ServerError(error) = reply else {
            return if (self.expected)(reply) {
                ProbeResult::Available
            } else {
                ProbeResult::Unexpected
            };
        };
        match (error.code(), error.details()) {
            ("NOPERM", _) => ProbeResult::Denied,
            // Redis' error of EXEC for whatever was wrong with a command of the transaction.
            ("EXECABORT", Some(text)) if text.contains("NOPERM") => ProbeResult::Denied,
            (_, Some(text)) if is_unknown_command(text) => ProbeResult::UnknownCommand,
            _ => ProbeResult::Available,
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

/// An empty list.
pub(super) fn empty(value: &Value) -> bool {
    matches!(value, Value::Array(items) if items.is_empty())
}

/// The fields and values of a hash.
pub(super) fn fields(value: &Value) -> bool {
    reply::map(value.clone()).is_some()
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
        let interpret = |reply: &[u8]| probe.interpret(&parse_redis_value(reply).unwrap());
        assert_eq!(interpret(b":5\r\n"), ProbeResult::Available);
        assert_eq!(interpret(b"-LOADING Redis is loading\r\n"), ProbeResult::Available);
        assert_eq!(interpret(b"-ERR wrong number of arguments\r\n"), ProbeResult::Available);
        assert_eq!(interpret(b"-ERR unknown command 'XLEN'\r\n"), ProbeResult::UnknownCommand);
        let aborted = b"-EXECABORT Transaction discarded because of: NOPERM this user has no\r\n";
        assert_eq!(interpret(aborted), ProbeResult::Denied);
        assert_eq!(interpret(b"-NOPERM No permissions to access a key\r\n"), ProbeResult::Denied);
        for unexpected in [&b"$3\r\nfoo\r\n"[..], b"+OK\r\n", b"*0\r\n", b"$-1\r\n"] {
            assert_eq!(interpret(unexpected), ProbeResult::Unexpected);
        }
    }
}
