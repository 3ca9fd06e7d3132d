//! Why a connection to the broker ended, or was not established.

use std::io;
use std::time::Duration;

/// Why a connection to the broker ended, or was not established.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The broker cannot be reached, or the connection broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The broker closed the connection.
    #[error("the broker closed the connection")]
    Closed,
    /// The broker closed the connection and stated the reason.
    #[error("the broker closed the connection: {0}")]
    Disconnected(String),
    /// The broker did not reply in time.
    #[error("no reply within {0:?}")]
    Timeout(Duration),
    /// The broker rejected the connection.
    #[error("the broker rejected the connection: {0}")]
    Refused(String),
    /// The broker rejected a subscription.
    #[error("the broker rejected the subscription to '{topic}': {reason}")]
    NotSubscribed {
        /// The topic filter.
        topic: String,
        /// The name of the reason.
        reason: String,
    },
    /// A packet breaks the rules of the protocol, or a setting cannot be sent.
    #[error("protocol error: {0}")]
    Protocol(String),
    /// A file of a setting cannot be used.
    #[error("{0}")]
    File(String),
}

impl SessionError {
    /// A short name for metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Io(_) | Self::Closed => "connection",
            Self::Disconnected(_) => "disconnected",
            Self::Timeout(_) => "timeout",
            Self::Refused(_) => "refused",
            Self::NotSubscribed { .. } => "not_subscribed",
            Self::Protocol(_) => "protocol",
            Self::File(_) => "file",
        }
    }

    /// All names.
    pub const NAMES: &[&str] =
        &["connection", "disconnected", "timeout", "refused", "not_subscribed", "protocol", "file"];
}
