//! The trace context of a reading, which is a field of its stream entry after those of the contract.
//!
//! It is no part of the stored member, which is a function of the contract's fields alone: an entry that
//! is stored twice, traced or not, leaves one member.

use instrumentation::trace::{TRACEPARENT, from_traceparent, to_traceparent};
use instrumentation::{spans, trace};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, SpanBuilder, SpanContext, TraceContextExt, Tracer};

use crate::store::error::StoreResult;
use crate::store::stream_id::StreamId;

/// Number of the contract's fields; an entry without more has no context.
const CONTRACT_FIELDS: usize = 5;

/// The producer span of an append, if the request is traced.
pub(super) struct ProducerSpan {
    context: Context,
    traceparent: String,
}

impl ProducerSpan {
    /// Begins the span if the request is traced.
    pub fn begin(stream: &str) -> Option<Self> {
        Self::begin_as(|| spans::send(stream))
    }

    /// Begins the span of appending this number of readings if the request is traced.
    pub fn begin_batch(stream: &str, readings: usize) -> Option<Self> {
        Self::begin_as(|| spans::send_batch(stream, readings))
    }

    fn begin_as(builder: impl FnOnce() -> SpanBuilder) -> Option<Self> {
        let (tracer, parent) = trace::current_sampled()?;
        let span = tracer.build_with_context(builder(), &parent);
        let context = parent.with_span(span);
        let traceparent = to_traceparent(context.span().span_context());
        Some(Self { context, traceparent })
    }

    /// The entry's field: name and value.
    pub fn header(&self) -> (&'static str, &str) {
        (TRACEPARENT, &self.traceparent)
    }

    /// Waits for the append inside the span, and ends the span with the id of the entry, or the error.
    pub async fn finish_with<T>(
        span: Option<Self>,
        append: impl Future<Output = StoreResult<T>>,
        id_of: impl Fn(&T) -> Option<StreamId>,
    ) -> StoreResult<T> {
        let Some(Self { context, .. }) = span else { return append.await };
        let result = append.with_context(context.clone()).await;
        let span = context.span();
        match &result {
            Ok(value) => {
                if let Some(id) = id_of(value) {
                    span.set_attribute(spans::message_id(id.to_string()));
                }
            }
            Err(error) => spans::set_error(&span, error.class.name()),
        }
        span.end();
        result
    }
}

/// The context in an entry's fields, if it is sampled.
pub(super) fn extract<T: AsRef<[u8]>>(fields: &[(T, T)]) -> Option<SpanContext> {
    let more = fields.get(CONTRACT_FIELDS..)?;
    let (_, value) = more.iter().rfind(|(name, _)| name.as_ref() == TRACEPARENT.as_bytes())?;
    from_traceparent(value.as_ref()).filter(SpanContext::is_sampled)
}
