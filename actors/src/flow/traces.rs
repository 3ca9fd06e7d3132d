//! The traces of entries in flight.
//!
//! They are not part of the messages: a message is the same whether it is traced or not, and an entry whose actor failed keeps its trace until it is redelivered. A traced entry has a span in
//! the trace of the request that appended it. A delivery with traced entries has a span in a trace of its
//! own, with links to the spans of those requests.

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

/// Traces that are kept at most. At more, all are dropped: only traces of entries that were abandoned
/// here and claimed by other consumers accumulate. Too low and traces in flight lose their spans; too
/// high and these take memory.
const MAX_KEPT: usize = 10_000;

/// The traced entries in flight.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    /// The number of traced entries: at 0 each method costs this one load.
    count: AtomicUsize,
    entries: Mutex<HashMap<StreamId, Traced, RandomState>>,
}

#[derive(Debug)]
struct Traced {
    tracer: &'static BoxedTracer,
    /// Has the span of the entry, which ends when this is dropped.
    context: Context,
    /// Has the span of the delivery, which ends with the last of its entries.
    _delivery: Arc<Context>,
}

/// A command to Redis and when it was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommandTiming {
    command: &'static str,
    sent_at: SystemTime,
}

impl CommandTiming {
    /// A command that is sent now.
    pub fn start(command: &'static str) -> Self {
        Self { command, sent_at: SystemTime::now() }
    }
}

impl Traces {
    /// Starts the spans of a delivery and of its traced entries. An entry that has a span already was
    /// abandoned: that span ends here.
    pub fn start(&self, consumer_span: ConsumerSpan<'_>, delivery: &Delivery) {
        let sampled = sampled(delivery);
        let Some((_, _, tracer)) = sampled.first() else { return };
        let links = sampled.iter().map(|(_, producer, _)| Link::with_context(producer.clone()));
        let span = consumer_span.batch_span(delivery.len()).with_links(links.collect());
        // Of an empty context: a delivery is in no trace of its entries.
        let span = tracer.build_with_context(span, &Context::new());
        let delivery = Arc::new(Context::new().with_span(span));
        let mut entries = self.entries();
        if entries.len() > MAX_KEPT {
            entries.clear();
        }
        for (id, producer, tracer) in sampled {
            let context = entry_context(consumer_span, id, producer, tracer, &delivery);
            let entry = Traced { tracer, context, _delivery: Arc::clone(&delivery) };
            if let Some(abandoned) = entries.insert(id, entry) {
                spans::set_error(&abandoned.context.span(), "abandoned");
            }
        }
        self.count.store(entries.len(), Ordering::Relaxed);
    }

    /// Adds the span of a command that has been executed for these entries.
    pub fn record_command(&self, timing: CommandTiming, ids: impl IntoIterator<Item = StreamId>) {
        if self.is_empty() {
            return;
        }
        let entries = self.entries();
        for id in ids {
            if let Some(traced) = entries.get(&id) {
                traced.record(timing);
            }
        }
    }

    /// Ends the spans of entries, after their last command.
    pub fn finish(&self, timing: CommandTiming, ids: impl IntoIterator<Item = StreamId>) {
        self.remove(ids, |traced| traced.record(timing));
    }

    /// Ends the spans of entries with an error.
    pub fn fail(&self, error: &'static str, ids: impl IntoIterator<Item = StreamId>) {
        self.remove(ids, |traced| spans::set_error(&traced.context.span(), error));
    }

    fn remove(&self, ids: impl IntoIterator<Item = StreamId>, last: impl Fn(&Traced)) {
        if self.is_empty() {
            return;
        }
        let mut entries = self.entries();
        let ended: Vec<_> = ids.into_iter().filter_map(|id| entries.remove(&id)).collect();
        self.count.store(entries.len(), Ordering::Relaxed);
        // Spans are exported when they end: not under the lock.
        drop(entries);
        ended.iter().for_each(last);
    }

    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<StreamId, Traced, RandomState>> {
        // The map is consistent after each operation, also when a thread panicked between two.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Traced {
    fn record(&self, CommandTiming { command, sent_at }: CommandTiming) {
        let span = spans::command(command).with_start_time(sent_at);
        drop(self.tracer.build_with_context(span, &self.context));
    }
}

/// The traced entries of a delivery that are sampled here, each with its producer's span and a tracer.
fn sampled(delivery: &Delivery) -> Vec<(StreamId, SpanContext, &'static BoxedTracer)> {
    let mut sampled = Vec::new();
    for (id, producer) in &delivery.traces {
        if let Some(tracer) = trace::tracer_for(Some(producer)) {
            sampled.push((*id, producer.clone(), tracer));
        }
    }
    sampled
}

/// A context with the span of an entry: a child of its producer's, with a link to the delivery's.
fn entry_context(
    consumer_span: ConsumerSpan<'_>,
    id: StreamId,
    producer: SpanContext,
    tracer: &BoxedTracer,
    delivery: &Context,
) -> Context {
    let link = Link::with_context(delivery.span().span_context().clone());
    let span = consumer_span.entry_span(id.to_string()).with_links(vec![link]);
    let parent = Context::new().with_remote_span_context(producer);
    let span = tracer.build_with_context(span, &parent);
    parent.with_span(span)
}
