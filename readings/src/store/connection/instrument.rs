//! An exchange with Redis as it is seen from outside: how long it took, and its span where what it is
//! part of is traced.

use std::time::Instant;

use instrumentation::{spans, trace};
use opentelemetry::trace::{Span, Tracer};

use crate::store::error::StoreResult;
use crate::store::metrics::METRICS;

/// Waits for the answer to a command that does not block.
pub(super) async fn exchange<T>(
    operation: &'static str,
    answer: impl Future<Output = StoreResult<T>>,
) -> StoreResult<T> {
    let started = Instant::now();
    let span = trace::current_sampled();
    let span =
        span.map(|(tracer, parent)| tracer.build_with_context(spans::command(operation), &parent));
    let result = answer.await;
    let class = result.as_ref().err().map(|error| error.class);
    METRICS.command(operation, started.elapsed(), class);
    if let Some(mut span) = span {
        if let Some(class) = class {
            spans::set_span_error(&mut span, class.name());
        }
        span.end();
    }
    result
}
