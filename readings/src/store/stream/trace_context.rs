//! The context that travels with a reading through the stream, in a field after those of the contract.
//!
//! It never gets into the stored member, which is a function of the contract's fields alone: an entry
//! that is stored twice, traced or not, leaves one member.

use instrumentation::trace::{TRACEPARENT, from_traceparent, to_traceparent};
use instrumentation::{spans, trace};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, SpanContext, TraceContextExt, Tracer};

use crate::store::StreamId;
use crate::store::error::StoreResult;

/// The fields of the contract; an entry with no more has no context.
const CONTRACT_FIELDS: usize = 5;

/// Adding a reading to the stream, where that is traced.
pub(super) struct Sending {
    context: Context,
    traceparent: String,
}

impl Sending {
    /// Begins the producer's span if the request that brings the reading is traced.
    pub fn begin(stream: &str) -> Option<Self> {
        let (tracer, parent) = trace::current_sampled()?;
        let span = tracer.build_with_context(spans::send(stream), &parent);
        let context = parent.with_span(span);
        let traceparent = to_traceparent(context.span().span_context());
        Some(Self { context, traceparent })
    }

    /// The field that the entry bears.
    pub fn field(&self) -> (&'static str, &str) {
        (TRACEPARENT, &self.traceparent)
    }

    /// Waits for the entry's id, and ends the span.
    pub async fn around<T>(
        sending: Option<Self>,
        id: impl Future<Output = StoreResult<T>>,
        shown: impl Fn(&T) -> Option<StreamId>,
    ) -> StoreResult<T> {
        let Some(Self { context, .. }) = sending else { return id.await };
        let result = id.with_context(context.clone()).await;
        let span = context.span();
        match &result {
            Ok(value) => {
                if let Some(id) = shown(value) {
                    span.set_attribute(spans::message_id(id.to_string()));
                }
            }
            Err(error) => spans::set_error(&span, error.class.name()),
        }
        span.end();
        result
    }
}

/// The context that an entry bears in its fields, if it is sampled.
pub(super) fn of_fields<T: AsRef<[u8]>>(fields: &[(T, T)]) -> Option<SpanContext> {
    let more = fields.get(CONTRACT_FIELDS..)?;
    let (_, value) = more.iter().rfind(|(name, _)| name.as_ref() == TRACEPARENT.as_bytes())?;
    from_traceparent(value.as_ref()).filter(SpanContext::is_sampled)
}
