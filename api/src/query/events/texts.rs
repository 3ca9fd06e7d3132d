//! What is sent beside readings. A block without data is no event for a client, but its `id` is what it reconnects
//! with (HTML standard, 9.2.6).

use bytes::Bytes;
use poem::web::sse::Event;

use super::positions::Positions;

/// The type of the event after which a client reads the readings again.
pub(super) const RESET: &str = "reset";

/// Why a stream is ended by the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The service is shutting down.
    Shutdown,
    /// The client does not read as fast as readings arrive.
    Slow,
    /// The key was revoked or has expired, or no longer permits the site.
    Key,
}

impl Ending {
    const fn text(self) -> &'static str {
        match self {
            Self::Shutdown => "the service is shutting down: connect again",
            Self::Slow => "readings arrive faster than they are read: connect again",
            Self::Key => "the API key no longer permits this",
        }
    }

    /// The value of the metric's label.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Shutdown => "shutdown",
            Self::Slow => "slow",
            Self::Key => "key",
        }
    }
}

/// The begin: when to reconnect, and with which id.
pub(super) fn opening(positions: &Positions, retry_ms: u64) -> Bytes {
    format!("retry: {retry_ms}\nid: {positions}\n\n").into()
}

/// A comment, which tells that the connection works; and that everything up to this id was sent.
pub(super) fn comment(positions: Option<&Positions>) -> Bytes {
    match positions {
        Some(positions) => format!(":\nid: {positions}\n\n").into(),
        None => Bytes::from_static(b":\n\n"),
    }
}

/// A comment while Redis does not respond.
pub(super) const INTERRUPTED: &str = ": the store cannot be reached: readings are late\n\n";

/// The event after a gap.
pub(super) fn reset(positions: &Positions) -> String {
    const DATA: &str = r#"{"detail": "Readings before this event may be missing: request the readings of the site"}"#;
    Event::message(DATA).event_type(RESET).id(positions.to_string()).to_string()
}

/// The comment at the end.
pub(super) fn closing(ending: Ending) -> Bytes {
    format!(": closed: {}\n\n", ending.text()).into()
}
