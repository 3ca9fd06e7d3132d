//! A stream entry of which no more is decoded than its reader needs.

use crate::store::codec::{self, FIELD_NAMES, StreamEntry};
use crate::store::stream_id::StreamId;

/// An entry as it was received.
#[derive(Debug, Clone, Copy)]
pub struct LiveEntry<'a> {
    /// Its id.
    pub id: StreamId,
    fields: &'a [(&'a [u8], &'a [u8])],
}

impl<'a> LiveEntry<'a> {
    /// An entry with these fields: names and values in their order.
    #[must_use]
    pub const fn new(id: StreamId, fields: &'a [(&'a [u8], &'a [u8])]) -> Self {
        Self { id, fields }
    }

    /// The site that it names: without decoding the rest, which most readers of a site do not need.
    #[must_use]
    pub fn site_id(&self) -> Option<&str> {
        let [site_id, ..] = FIELD_NAMES;
        let named = self.fields.iter().rfind(|(name, _)| *name == site_id.as_bytes());
        str::from_utf8(named?.1).ok()
    }

    /// The reading; `None` if it is not valid: such an entry is dead-lettered.
    #[must_use]
    pub fn decode(&self) -> Option<StreamEntry> {
        codec::decode(self.id, self.fields).ok()
    }

    /// Bytes of its field names and values.
    pub(super) fn bytes(&self) -> usize {
        self.fields.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: [(&[u8], &[u8]); 4] = [
        (b"site_id", b"s"),
        (b"device_id", b"d"),
        (b"power_reading", b"1.5"),
        (b"timestamp", b"2024-01-15T10:30:00Z"),
    ];

    #[test]
    fn the_site_is_that_of_the_decoded_entry() {
        let entry = |fields| LiveEntry { id: StreamId { ms: 5, seq: 0 }, fields };
        let valid = entry(&VALID);
        assert_eq!(valid.site_id(), Some("s"));
        assert_eq!(valid.decode().unwrap().reading.site_id.as_str(), "s");
        let repeated = [&VALID[..], &[(b"site_id", b"t")]].concat();
        assert_eq!(entry(&repeated).site_id(), Some("t"));
        assert_eq!(entry(&repeated).decode().unwrap().reading.site_id.as_str(), "t");
        assert_eq!(entry(&VALID[1..]).site_id(), None);
        assert!(entry(&VALID[1..]).decode().is_none() && entry(&VALID[..3]).decode().is_none());
        assert_eq!(entry(&[(b"site_id", b"\xFF")]).site_id(), None);
    }
}
