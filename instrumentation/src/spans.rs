//! Names and attributes of spans, by OpenTelemetry's semantic conventions for databases and messaging.

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, SpanBuilder, SpanKind, SpanRef, Status};

const REDIS: &str = "redis";

/// The client span of a Redis command; `operation` is the command, or the name of a script.
#[must_use]
pub fn command(operation: &'static str) -> SpanBuilder {
    let attributes =
        vec![KeyValue::new("db.system.name", REDIS), KeyValue::new("db.operation.name", operation)];
    SpanBuilder::from_name(operation).with_kind(SpanKind::Client).with_attributes(attributes)
}

/// The producer span of adding a reading to this stream.
#[must_use]
pub fn send(stream: &str) -> SpanBuilder {
    messaging("send", SpanKind::Producer, stream, "XADD", Vec::new())
}

/// The producer span of adding this number of readings to this stream at once.
#[must_use]
pub fn send_batch(stream: &str, readings: usize) -> SpanBuilder {
    messaging("send", SpanKind::Producer, stream, "XADD", vec![message_count(readings)])
}

/// The span attribute that names the receiver of a reading.
pub const RECEIVER: &str = "energy_pipeline.receiver";

/// The span of receiving this number of messages by another protocol, and appending their readings.
#[must_use]
pub fn receive(receiver: &'static str, messages: usize) -> SpanBuilder {
    let attributes = vec![
        KeyValue::new("messaging.system", receiver),
        KeyValue::new("messaging.operation.type", "receive"),
        KeyValue::new(RECEIVER, receiver),
        message_count(messages),
    ];
    let builder = SpanBuilder::from_name(format!("receive {receiver}"));
    builder.with_kind(SpanKind::Consumer).with_attributes(attributes)
}

/// Describes a delivery from the stream: the attributes that its consumer spans share.
#[derive(Debug, Clone, Copy)]
pub struct ConsumerSpan<'a> {
    /// The key of the stream.
    pub stream: &'a str,
    /// The consumer group.
    pub group: &'a str,
    /// The name of the consumer.
    pub consumer: &'a str,
    /// The command that delivered the entries.
    pub command: &'static str,
}

impl ConsumerSpan<'_> {
    /// The span of processing this number of readings that were delivered together.
    #[must_use]
    pub fn batch_span(self, readings: usize) -> SpanBuilder {
        self.process(message_count(readings))
    }

    /// The span of processing one reading, by the id of its entry.
    #[must_use]
    pub fn entry_span(self, id: String) -> SpanBuilder {
        self.process(message_id(id))
    }

    fn process(self, subject: KeyValue) -> SpanBuilder {
        let Self { stream, group, consumer, command } = self;
        let attributes = vec![
            KeyValue::new("messaging.consumer.group.name", group.to_owned()),
            KeyValue::new("messaging.client.id", consumer.to_owned()),
            subject,
        ];
        messaging("process", SpanKind::Consumer, stream, command, attributes)
    }
}

fn messaging(
    operation: &'static str,
    kind: SpanKind,
    stream: &str,
    command: &'static str,
    mut attributes: Vec<KeyValue>,
) -> SpanBuilder {
    attributes.extend([
        KeyValue::new("messaging.system", REDIS),
        KeyValue::new("messaging.operation.type", operation),
        KeyValue::new("messaging.operation.name", command),
        KeyValue::new("messaging.destination.name", stream.to_owned()),
    ]);
    let builder = SpanBuilder::from_name(format!("{operation} {stream}"));
    builder.with_kind(kind).with_attributes(attributes)
}

fn message_count(readings: usize) -> KeyValue {
    KeyValue::new("messaging.batch.message_count", i64::try_from(readings).unwrap_or(i64::MAX))
}

/// The attribute with the id of a stream entry.
#[must_use]
pub fn message_id(id: String) -> KeyValue {
    KeyValue::new("messaging.message.id", id)
}

/// Marks a span of a context as failed, with this class of error.
pub fn set_error(span: &SpanRef<'_>, class: &'static str) {
    span.set_attribute(error_type(class));
    span.set_status(Status::error(class));
}

/// As [`set_error`], for a span that is in no context.
pub fn set_span_error(span: &mut impl Span, class: &'static str) {
    span.set_attribute(error_type(class));
    span.set_status(Status::error(class));
}

fn error_type(class: &'static str) -> KeyValue {
    KeyValue::new("error.type", class)
}
