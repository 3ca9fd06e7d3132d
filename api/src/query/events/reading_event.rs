//! An accepted reading as an event: its text is written once, and shared by all subscribers of the site.

use bytes::Bytes;
use poem::web::sse::Event;
use readings::DeviceId;
use readings::store::StreamId;
use readings::store::codec::{self, StreamEntry};

/// The type of the event, which `addEventListener` names.
pub(super) const READING: &str = "reading";

/// An event with a reading.
#[derive(Debug)]
pub(super) struct ReadingEvent {
    /// The id of the reading's stream entry, and of the event.
    pub id: StreamId,
    /// The device, for filters.
    pub device: DeviceId,
    /// The event as it is sent.
    pub text: Bytes,
}

impl ReadingEvent {
    /// The event of an entry. Its data are the member that will be stored: what a query returns.
    pub fn new(entry: StreamEntry) -> Self {
        let member = codec::member(&entry);
        let data = String::from_utf8_lossy(&member);
        let event = Event::message(data).event_type(READING).id(entry.id.to_string());
        Self { id: entry.id, device: entry.reading.device_id, text: event.to_string().into() }
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
        let event = ReadingEvent::new(entry);
        assert_eq!(event.text, format!("id: 5-1\nevent: reading\ndata: {member}\n\n"));
    }
}
