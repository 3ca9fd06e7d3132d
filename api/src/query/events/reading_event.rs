//! An accepted reading as an event: its text is written once, and shared by all subscribers of the site.

use std::io::Write;

use bytes::Bytes;
use poem::web::sse::Event;
use readings::DeviceId;
use readings::store::codec::{self, StreamEntry};
use readings::store::{Partition, StreamId};

use super::positions::Positions;

/// The type of the event, which `addEventListener` names.
pub(super) const READING: &str = "reading";

/// An event with a reading.
#[derive(Debug)]
pub(super) struct ReadingEvent {
    /// The partition of the reading's stream entry.
    pub partition: Partition,
    /// Its id.
    pub id: StreamId,
    /// The device, for filters.
    pub device: DeviceId,
    /// The event as it is sent, behind its id.
    text: Bytes,
}

impl ReadingEvent {
    /// The event of an entry. Its data are the member that will be stored: what a query returns.
    pub fn new(partition: Partition, entry: StreamEntry) -> Self {
        let member = codec::member(&entry);
        let data = String::from_utf8_lossy(&member);
        let event = Event::message(data).event_type(READING).to_string();
        let StreamEntry { id, reading, .. } = entry;
        Self { partition, id, device: reading.device_id, text: event.into() }
    }

    /// Writes it with the positions of a subscriber, which are its id: those of the subscribers of one site may differ.
    pub fn write_to(&self, text: &mut Vec<u8>, positions: &Positions) {
        // Err: never, a vector grows.
        let _ = writeln!(text, "id: {positions}");
        text.extend_from_slice(&self.text);
    }
}

#[cfg(test)]
mod tests {
    use readings::{Power, Reading, SiteId, Timestamp};

    use super::*;

    #[test]
    fn the_data_are_one_line_with_the_member() {
        let reading = Reading {
            site_id: SiteId::new("a\nb").unwrap(),
            device_id: DeviceId::new("é\r").unwrap(),
            power: Power::from_watts(1.5).unwrap(),
            timestamp: Timestamp::parse("2024-01-15T10:30:00Z").unwrap(),
        };
        let id = StreamId { ms: 5, seq: 1 };
        let entry = StreamEntry { id, reading, ingested_at: "2024-01-15T10:30:00.000000".into() };
        let member = String::from_utf8(codec::member(&entry)).unwrap();
        let event = ReadingEvent::new(Partition::Whole, entry);
        let mut text = Vec::new();
        event.write_to(&mut text, &Positions::from_iter([(Partition::Whole, id)]));
        let expected = format!("id: 5-1\nevent: reading\ndata: {member}\n\n");
        assert_eq!(text, expected.as_bytes());
    }
}
