//! By what a reading of a message is recognised when the message is delivered again.

use readings::ReadingValues;
use readings::store::append_batch::{AppendBatch, DeliveryKey};
use readings::store::idempotency::IdempotencyKey;

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
    let instant = reading.timestamp.instant();
    let values = ReadingValues::from(reading);
    match message.packet_id {
        _ if has_own_time => {
            let key = IdempotencyKey::of_measurement(&values, instant);
            batch.push_keyed(&values, &key, 0);
        }
        Some(id) => batch.push_delivery(&values, &delivery_key(client_id, message, id, number)),
        // Of QoS 0, which the broker never delivers again.
        None => batch.push(&values),
    }
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
