//! The tracer, and the trace context that travels with a reading.
//!
//! A reading reaches the processing service through the stream, so its trace context travels in a
//! field of its entry, in the form of the W3C header `traceparent`. Entries of readings that are not
//! sampled have no such field.

use std::sync::OnceLock;

use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, InstrumentationScope};

use crate::sampling::TraceSampler;

/// The header of a request, and the field of a stream entry, with the trace context.
pub const TRACEPARENT: &str = "traceparent";

/// The `tracing` target of spans that are exported; no log line shows them.
pub const SPAN_TARGET: &str = "energy_pipeline::trace";

struct Tracing {
    tracer: BoxedTracer,
    sampler: TraceSampler,
}

static TRACING: OnceLock<Tracing> = OnceLock::new();

/// Starts tracing with the global tracer provider, which must be set before. Until then nothing is
/// traced.
pub fn init(sampler: TraceSampler) {
    let scope = InstrumentationScope::builder("energy-pipeline");
    let scope = scope.with_version(env!("CARGO_PKG_VERSION")).build();
    // Err means that tracing was started before; that sampler stays.
    let _ = TRACING.set(Tracing { tracer: global::tracer_with_scope(scope), sampler });
}

/// The tracer, if an operation with this parent is to be traced; without one, it begins a trace.
#[must_use]
pub fn tracer_for(parent: Option<&SpanContext>) -> Option<&'static BoxedTracer> {
    let Tracing { tracer, sampler } = TRACING.get()?;
    sampler.samples(parent).then_some(tracer)
}

/// The tracer and the current context, if its span is sampled.
#[must_use]
pub fn current_sampled() -> Option<(&'static BoxedTracer, Context)> {
    let Tracing { tracer, .. } = TRACING.get()?;
    let is_sampled = Context::map_current(|context| {
        context.has_active_span() && context.span().span_context().is_sampled()
    });
    is_sampled.then(|| (tracer, Context::current()))
}

/// Formats a context as the value of `traceparent`.
#[must_use]
pub fn to_traceparent(context: &SpanContext) -> String {
    let (trace, span, flags) = (context.trace_id(), context.span_id(), context.trace_flags());
    format!("00-{trace}-{span}-{flags:02x}")
}

/// Parses the value of `traceparent`. `None` when it is invalid: by the rules of the W3C it is then
/// ignored.
#[must_use]
pub fn from_traceparent(text: &[u8]) -> Option<SpanContext> {
    const BEGIN: usize = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".len();
    let (begin, more) = text.split_at_checked(BEGIN)?;
    let mut parts = str::from_utf8(begin).ok()?.split('-');
    let version = hex(parts.next()?, 2)?;
    let trace = hex(parts.next()?, 32)?;
    let span = hex(parts.next()?, 16)?;
    let flags = hex(parts.next()?, 2)?;
    // Later versions may append parts; the first four stay where they are.
    let complete = if version == "00" { more.is_empty() } else { matches!(more, [] | [b'-', ..]) };
    if !complete || version == "ff" || parts.next().is_some() {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let trace = TraceId::from_hex(trace).ok()?;
    let span = SpanId::from_hex(span).ok()?;
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    // An id of zeros is well-formed, and invalid.
    context.is_valid().then_some(context)
}

/// The part, if it has this number of hexadecimal digits in lower case, as the W3C demands.
fn hex(part: &str, length: usize) -> Option<&str> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (part.len() == length && part.bytes().all(is_hex)).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_context_reads_back_from_its_header() {
        let context = from_traceparent(SAMPLED.as_bytes()).unwrap();
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(to_traceparent(&context), SAMPLED);
        let not_sampled = SAMPLED.replace("-01", "-00");
        assert!(!from_traceparent(not_sampled.as_bytes()).unwrap().is_sampled());
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = SAMPLED.replacen("00-", "01-", 1);
        assert!(from_traceparent(later.as_bytes()).is_some());
        assert!(from_traceparent(format!("{later}-more").as_bytes()).is_some());
        assert!(from_traceparent(format!("{later}more").as_bytes()).is_none());
    }

    #[test]
    fn an_invalid_header_is_ignored() {
        let zero_trace = SAMPLED.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32));
        let zero_span = SAMPLED.replace("b7ad6b7169203331", &"0".repeat(16));
        let upper = SAMPLED.to_uppercase();
        let unknown = SAMPLED.replacen("00-", "ff-", 1);
        let longer = format!("{SAMPLED}-00");
        let moved = SAMPLED.replacen("319c-b7", "-319cb7", 1);
        for text in
            ["", "00", &SAMPLED[1..], &zero_trace, &zero_span, &upper, &unknown, &longer, &moved]
        {
            assert_eq!(from_traceparent(text.as_bytes()), None, "{text}");
        }
        assert_eq!(from_traceparent(&[0xff; 55]), None);
    }
}
