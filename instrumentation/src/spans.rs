//! Spans as OpenTelemetry's conventions for messaging and databases want them.

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, SpanBuilder, SpanKind, SpanRef, Status};

const REDIS: &str = "redis";

/// A command to Redis.
#[must_use]
pub fn command(operation: &'static str) -> SpanBuilder {
    let attributes =
        vec![KeyValue::new("db.system.name", REDIS), KeyValue::new("db.operation.name", operation)];
    SpanBuilder::from_name(operation).with_kind(SpanKind::Client).with_attributes(attributes)
}

/// Adding a reading to the stream.
#[must_use]
pub fn send(stream: &str) -> SpanBuilder {
    messaging("send", SpanKind::Producer, stream, "XADD", Vec::new())
}

/// How readings came to the consumer that works on them.
#[derive(Debug, Clone, Copy)]
pub struct Consumption<'a> {
    /// The stream they come from.
    pub stream: &'a str,
    /// The consumer group.
    pub group: &'a str,
    /// The consumer's name.
    pub consumer: &'a str,
    /// The command that brought them.
    pub command: &'static str,
}

impl Consumption<'_> {
    /// The work on so many readings that came together.
    #[must_use]
    pub fn of_batch(self, readings: usize) -> SpanBuilder {
        let readings = i64::try_from(readings).unwrap_or(i64::MAX);
        self.process(KeyValue::new("messaging.batch.message_count", readings))
    }

    /// The work on one reading, by the id of its entry.
    #[must_use]
    pub fn of_reading(self, id: String) -> SpanBuilder {
        self.process(message_id(id))
    }

    fn process(self, what: KeyValue) -> SpanBuilder {
        let Self { stream, group, consumer, command } = self;
        let attributes = vec![
            KeyValue::new("messaging.consumer.group.name", group.to_owned()),
            KeyValue::new("messaging.client.id", consumer.to_owned()),
            what,
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

/// The id of the stream entry that a span is about.
#[must_use]
pub fn message_id(id: String) -> KeyValue {
    KeyValue::new("messaging.message.id", id)
}

/// Marks a span as failed, by a class of trouble.
pub fn fail(span: &SpanRef<'_>, class: &'static str) {
    span.set_attribute(error_type(class));
    span.set_status(Status::error(class));
}

/// As [`fail`], for a span that is in no context.
pub fn fail_own(span: &mut impl Span, class: &'static str) {
    span.set_attribute(error_type(class));
    span.set_status(Status::error(class));
}

fn error_type(class: &'static str) -> KeyValue {
    KeyValue::new("error.type", class)
}
