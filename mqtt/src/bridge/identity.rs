//! By what a reading of a message is recognised when the message is delivered again.

use readings::store::append_batch::{AppendBatch, DeliveryKey};
use readings::store::idempotency::IdempotencyKey;
use readings::{Reading, ReadingValues};

use crate::mapping::MappedReading;
use crate::message::Message;

/// Adds the reading with this number of a message.
///
/// A reading with a time of its own is what it says: site, device, instant, power. One that has the time of arrival is
/// recognised by its delivery: broker and client agree on a packet id until the message is acknowledged.
pub(super) fn push(
    batch: &mut AppendBatch,
    client_id: &str,
    message: &Message,
    number: usize,
    mapped: MappedReading,
) {
    let MappedReading { reading, has_own_time } = mapped;
    if has_own_time {
        let key = content_key(&reading);
        batch.push_keyed(&ReadingValues::from(reading), &key, 0);
        return;
    }
    let values = ReadingValues::from(reading);
    match message.packet_id {
        Some(id) => batch.push_delivery(&values, &delivery_key(client_id, message, id, number)),
        // Of QoS 0, which the broker never delivers again.
        None => batch.push(&values),
    }
}

fn content_key(reading: &Reading) -> IdempotencyKey {
    let content = format!(
        "{}\n{}\n{}\n{}",
        reading.site_id,
        reading.device_id,
        reading.timestamp.instant().epoch_micros(),
        reading.power
    );
    // A client's key has no spaces.
    IdempotencyKey::new(&format!("reading {content}"), b"")
}

fn delivery_key(client_id: &str, message: &Message, id: u16, number: usize) -> DeliveryKey {
    let name = format!("mqtt {client_id} {id} {number}");
    let content = [message.topic.as_bytes(), b"\n", &message.payload].concat();
    if message.is_repeated {
        DeliveryKey::repeated(&name, &content)
    } else {
        DeliveryKey::first(&name, &content, fastrand::u64(..))
    }
}
