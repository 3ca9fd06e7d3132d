//! A reading and its parts: a value that exists is valid.
//!
//! The rules of a request are narrower than what these types hold (an id may have at most 256
//! bytes, see [`crate::validation`]): the stream also brings what the original accepted.

use std::fmt;
use std::sync::Arc;

use crate::iso8601::{self, Instant, TimestampFault};
use crate::power::Power;

/// Declares an opaque, non-empty text: never trimmed, folded or normalised. Cloning it is cheap.
macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes any text but the empty one.
            #[must_use]
            pub fn new(text: impl Into<Arc<str>>) -> Option<Self> {
                let text = text.into();
                (!text.is_empty()).then_some(Self(text))
            }

            /// The id as it was sent.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

opaque_id! {
    /// The site (a house, a plant) that a reading belongs to: opaque text, not empty.
    SiteId
}

opaque_id! {
    /// The device (a meter, an inverter) that measured: opaque text, not empty.
    DeviceId
}

/// When a reading was taken: the sender's text, kept verbatim, and the instant it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    text: String,
    instant: Instant,
}

impl Timestamp {
    /// Reads an ISO 8601 timestamp by the rules of [`iso8601`].
    ///
    /// # Errors
    /// The rule that the text breaks.
    pub fn parse(text: impl Into<String>) -> Result<Self, TimestampFault> {
        let text = text.into();
        let instant = iso8601::parse(&text)?.instant;
        Ok(Self { text, instant })
    }

    /// The sender's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The instant; readings of a site are listed in its order.
    #[must_use]
    pub const fn instant(&self) -> Instant {
        self.instant
    }
}

/// One measurement of one device.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Where it was measured.
    pub site_id: SiteId,
    /// What measured it.
    pub device_id: DeviceId,
    /// Mean or momentary power in watts, as the device defines it.
    pub power: Power,
    /// When it was measured.
    pub timestamp: Timestamp,
}
