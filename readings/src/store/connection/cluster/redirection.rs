//! Replies by which a node sends a command elsewhere, without having executed it.

use redis::ConnectionAddr;

use super::node_report::host_of;
use crate::store::connection::address::like;
use crate::store::error::StoreError;

/// Where a command is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Redirection {
    /// To the master of its slot, which has changed (`MOVED`).
    ToOwner,
    /// Once to this node, which the slot is being migrated to, and which has the key already (`ASK`).
    Once(ConnectionAddr),
    /// Later: some of its keys are here and others there (`TRYAGAIN`).
    Later,
}

impl Redirection {
    /// The redirection of an error that the node at this address replied with, if it is one.
    pub fn of(error: &StoreError, at: &ConnectionAddr) -> Option<Self> {
        match error.code()? {
            // EXECABORT: a command of a transaction was redirected, and none was executed.
            "MOVED" | "EXECABORT" => Some(Self::ToOwner),
            "TRYAGAIN" => Some(Self::Later),
            "ASK" => {
                let (host, port) = error.redirected_to()?.rsplit_once(':')?;
                let host = if host.is_empty() { host_of(at) } else { host };
                Some(Self::Once(like(at, host.to_owned(), port.parse().ok()?)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reply: &[u8]) -> Option<Redirection> {
        let at = ConnectionAddr::Tcp("one".to_owned(), 1);
        let error = redis::parse_redis_value(reply).unwrap().extract_error().unwrap_err();
        Redirection::of(&StoreError::new(&"one:1".into(), "ZADD", error), &at)
    }

    fn once(host: &str) -> Redirection {
        Redirection::Once(ConnectionAddr::Tcp(host.to_owned(), 7))
    }

    #[test]
    fn a_redirection_says_where_the_command_is_to_be_sent() {
        assert_eq!(of(b"-MOVED 3999 127.0.0.1:6381\r\n"), Some(Redirection::ToOwner));
        assert_eq!(of(b"-ASK 3999 two:7\r\n"), Some(once("two")));
        assert_eq!(of(b"-ASK 3999 ::1:7\r\n"), Some(once("::1")));
        assert_eq!(of(b"-ASK 3999 :7\r\n"), Some(once("one")));
        let later = b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n";
        assert_eq!(of(later), Some(Redirection::Later));
    }

    #[test]
    fn other_errors_are_none() {
        for reply in
            [&b"-CLUSTERDOWN Hash slot not served\r\n"[..], b"-ERR x\r\n", b"-ASK 3999\r\n"]
        {
            assert_eq!(of(reply), None, "{reply:?}");
        }
    }
}
