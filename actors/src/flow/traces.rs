//! The traces of readings that are in flight.
//!
//! Kept beside the messages and not in them: what travels between the actors is the same whether it is
//! traced or not, and a reading whose actor died keeps its trace until it is delivered again. A traced
//! reading has a span of its own in the trace of the request that brought it. A delivery with at least
//! one of them has a span, too, in a trace of its own, with links to the requests' spans.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use foldhash::fast::RandomState;
use instrumentation::spans::{self, ConsumerSpan};
use instrumentation::trace;
use opentelemetry::Context;
use opentelemetry::global::BoxedTracer;
use opentelemetry::trace::{Link, SpanContext, TraceContextExt, Tracer};
use readings::store::StreamId;
use readings::store::delivery::Delivery;

/// Traces that are kept at most; past that all are let go. Only those of entries that were abandoned
/// here and taken over by others gather up.
const MAX_KEPT: usize = 10_000;

/// The traced readings in flight.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    /// How many there are: without any, nothing of this costs more than to look here.
    count: AtomicUsize,
    readings: Mutex<HashMap<StreamId, Traced, RandomState>>,
}

#[derive(Debug)]
struct Traced {
    tracer: &'static BoxedTracer,
    /// With the span of the reading; it ends when this is dropped.
    context: Context,
    /// With the span of the delivery; it ends with the last of its readings.
    _delivery: Arc<Context>,
}

/// The exchange with Redis that is under way, by when it began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange {
    operation: &'static str,
    began: SystemTime,
}

impl Exchange {
    /// Begins now.
    pub fn begin(operation: &'static str) -> Self {
        Self { operation, began: SystemTime::now() }
    }
}

impl Traces {
    /// Begins the spans of a delivery and of those of its readings that are traced. One that is there
    /// already was abandoned: its first span ends here.
    pub fn begin(&self, consumer_span: ConsumerSpan<'_>, delivery: &Delivery) {
        let sampled = |(id, context): &(StreamId, SpanContext)| {
            Some((*id, context.clone(), trace::tracer_for(Some(context))?))
        };
        let sampled: Vec<_> = delivery.traces.iter().filter_map(sampled).collect();
        let Some((_, _, tracer)) = sampled.first() else { return };
        let links = sampled.iter().map(|(_, context, _)| Link::with_context(context.clone()));
        let span = consumer_span.batch_span(delivery.len()).with_links(links.collect());
        let span = tracer.build_with_context(span, &Context::new());
        let delivery = Arc::new(Context::new().with_span(span));
        let mut readings = self.readings();
        if readings.len() > MAX_KEPT {
            readings.clear();
        }
        for (id, producer, tracer) in sampled {
            let link = Link::with_context(delivery.span().span_context().clone());
            let span = consumer_span.entry_span(id.to_string()).with_links(vec![link]);
            let parent = Context::new().with_remote_span_context(producer);
            let context = parent.with_span(tracer.build_with_context(span, &parent));
            let delivery = Arc::clone(&delivery);
            let again = readings.insert(id, Traced { tracer, context, _delivery: delivery });
            if let Some(abandoned) = again {
                spans::set_error(&abandoned.context.span(), "abandoned");
            }
        }
        self.count.store(readings.len(), Ordering::Relaxed);
    }

    /// Notes an exchange with Redis that was carried out for these entries.
    pub fn exchanged(&self, exchange: Exchange, entries: impl IntoIterator<Item = StreamId>) {
        if self.is_empty() {
            return;
        }
        let readings = self.readings();
        for id in entries {
            if let Some(traced) = readings.get(&id) {
                traced.note(exchange);
            }
        }
    }

    /// Ends the work on these entries, with the exchange that ended it.
    pub fn end(&self, exchange: Exchange, entries: impl IntoIterator<Item = StreamId>) {
        self.take(entries, |traced| traced.note(exchange));
    }

    /// Ends the work on entries that are not worked on here any more, for a reason.
    pub fn give_up(&self, reason: &'static str, entries: impl IntoIterator<Item = StreamId>) {
        self.take(entries, |traced| spans::set_error(&traced.context.span(), reason));
    }

    fn take(&self, entries: impl IntoIterator<Item = StreamId>, last: impl Fn(&Traced)) {
        if self.is_empty() {
            return;
        }
        let mut readings = self.readings();
        let ended: Vec<_> = entries.into_iter().filter_map(|id| readings.remove(&id)).collect();
        self.count.store(readings.len(), Ordering::Relaxed);
        drop(readings);
        ended.iter().for_each(last);
    }

    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    fn readings(&self) -> MutexGuard<'_, HashMap<StreamId, Traced, RandomState>> {
        // It is whole after each of its changes, also when a thread panicked between them.
        self.readings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Traced {
    fn note(&self, Exchange { operation, began }: Exchange) {
        let span = spans::command(operation).with_start_time(began);
        let context = self.context.clone();
        drop(self.tracer.build_with_context(span, &context));
    }
}
