//! The generation of a connection.

/// Number of a connection's server session: a reply is valid only within its generation. A generation ends
/// with the connection, as the next one may lead to a server that lost some of the data (after a failover,
/// or a restart from an older file), and when stream or group were found to be missing. Generations of two
/// shared connections cannot be compared: an entry that is written over one connection must be acknowledged
/// over the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Default))]
pub struct Generation(pub(super) u64);
