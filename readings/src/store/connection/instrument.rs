//! Measures a command to Redis: its duration, and a span where the caller is traced.

use std::time::Instant;

use instrumentation::{spans, trace};
use opentelemetry::trace::{Span, Tracer};

use crate::store::error::StoreResult;
use crate::store::metrics::METRICS;

/// Waits for the reply to a command that does not block, and records its duration, its error class and,
/// below a sampled span, a client span.
pub(super) async fn instrumented<T>(
    operation: &'static str,
    reply: impl Future<Output = StoreResult<T>>,
) -> StoreResult<T> {
    let started = Instant::now();
    let span = trace::current_sampled();
    let span =
        span.map(|(tracer, parent)| tracer.build_with_context(spans::command(operation), &parent));
    let result = reply.await;
    let class = result.as_ref().err().map(|error| error.class);
    METRICS.operation(operation, started.elapsed(), class);
    if let Some(mut span) = span {
        if let Some(class) = class {
            spans::set_span_error(&mut span, class.name());
        }
        span.end();
    }
    result
}
