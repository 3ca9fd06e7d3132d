//! A message, as the broker delivers it.

/// A message of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// The id by which it is acknowledged; `None` with `QoS` 0, which the broker never delivers again.
    pub packet_id: Option<u16>,
    /// Whether the broker may have delivered it before (DUP).
    pub is_repeated: bool,
    /// Whether it is the topic's last message from before the subscription (RETAIN).
    pub is_retained: bool,
}
