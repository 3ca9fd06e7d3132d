//! A reading and its parts: a value that exists is valid.
//!
//! The rules of a request are narrower than these types (an id may have at most 256 bytes, see
//! [`crate::validation`]), as the stream also has readings that the original accepted.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::iso8601::{self, Instant, TimestampError};
use crate::power::Power;

/// Declares an opaque, non-empty text: never trimmed, folded or normalised. Cloning it is cheap.
macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Any text but the empty one.
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
    /// The device (a meter, an inverter) of a measurement: opaque text, not empty.
    DeviceId
}

/// The time of a measurement: the client's text, kept verbatim, and the instant that it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    text: String,
    instant: Instant,
}

impl Timestamp {
    /// Parses an ISO 8601 timestamp by the rules of [`iso8601`].
    ///
    /// # Errors
    /// The rule that the text breaks.
    pub fn parse(text: impl Into<String>) -> Result<Self, TimestampError> {
        let text = text.into();
        let instant = iso8601::parse(&text)?.instant;
        Ok(Self { text, instant })
    }

    /// The client's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The instant; readings of a site are ordered by it.
    #[must_use]
    pub const fn instant(&self) -> Instant {
        self.instant
    }
}

/// One measurement of one device.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The site.
    pub site_id: SiteId,
    /// The device.
    pub device_id: DeviceId,
    /// Mean or momentary power in watts, as the device defines it.
    pub power: Power,
    /// The time of the measurement.
    pub timestamp: Timestamp,
}

/// The values of a valid reading, borrowed from the text in which they were sent where that is possible: for rows that
/// are copied once more in any case.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadingValues<'a> {
    pub(crate) site_id: Cow<'a, str>,
    pub(crate) device_id: Cow<'a, str>,
    pub(crate) power: Power,
    pub(crate) timestamp: Cow<'a, str>,
}

impl ReadingValues<'_> {
    /// The site.
    #[must_use]
    pub fn site_id(&self) -> &str {
        &self.site_id
    }
}

impl ReadingValues<'_> {
    /// The same values with memory of their own.
    pub(crate) fn into_owned(self) -> ReadingValues<'static> {
        ReadingValues {
            site_id: self.site_id.into_owned().into(),
            device_id: self.device_id.into_owned().into(),
            power: self.power,
            timestamp: self.timestamp.into_owned().into(),
        }
    }
}

impl From<Reading> for ReadingValues<'_> {
    fn from(reading: Reading) -> Self {
        Self {
            site_id: reading.site_id.as_str().to_owned().into(),
            device_id: reading.device_id.as_str().to_owned().into(),
            power: reading.power,
            timestamp: reading.timestamp.text.into(),
        }
    }
}
