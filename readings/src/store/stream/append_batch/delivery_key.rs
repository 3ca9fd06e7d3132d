//! What recognises a message that a broker delivers again, where its content does not: the name of the delivery (a
//! client and a packet id), which the broker uses again for another message once this one is acknowledged.

use crate::store::stream::idempotency::IdempotencyKey;

/// A delivery of a message whose reading has no time of its own.
///
/// Its record is replaced by the one of the next message that has its name. So a first delivery is recognised by its
/// `attempt` only, with which an append of it is retried, and a redelivery by the message.
#[derive(Debug, Clone)]
pub struct DeliveryKey {
    key: IdempotencyKey,
    /// With what the record of the same message begins.
    message: Vec<u8>,
}

impl DeliveryKey {
    /// The first delivery of a message with this name; `attempt` is a number that no other delivery has.
    #[must_use]
    pub fn first(name: &str, message: &[u8], attempt: u64) -> Self {
        let key = IdempotencyKey::new(name, message);
        let message = [key.body(), &attempt.to_be_bytes()].concat();
        Self { key, message }
    }

    /// A delivery that the broker marks as repeated.
    #[must_use]
    pub fn repeated(name: &str, message: &[u8]) -> Self {
        let key = IdempotencyKey::new(name, message);
        Self { message: key.body().to_vec(), key }
    }

    pub(super) fn field(&self) -> &[u8] {
        self.key.key()
    }

    pub(super) fn message(&self) -> &[u8] {
        &self.message
    }

    pub(super) const fn shard(&self) -> u16 {
        self.key.shard()
    }
}
