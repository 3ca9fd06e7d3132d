//! Looks at the stream now and then, for the gauges and for rates.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use instrumentation::metrics::{Metric, as_f64};
use readings::store::backlog::GroupBacklog;
use readings::store::stream::ReadingStream;
use readings::store::unread::Unread;
use readings::store::{ServerMemory, StoreError};
use tokio::time::sleep;
use tracing::debug;

/// How often the stream is looked at. Too low and Redis is asked for nothing; too high and autoscaling
/// and alerts see a backlog late.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The time that rates are taken over.
const RATES_OVER: Duration = Duration::from_mins(1);

/// The metrics of the stream. Every process exposes the same values: aggregate with `max`, never with
/// `sum`.
pub const CATALOGUE: &[Metric] = &[
    REDIS_UP,
    MEMORY_USED,
    MEMORY_MAX,
    LENGTH,
    LAG,
    PENDING,
    OLDEST_PENDING,
    CONSUMERS,
    DEAD_LETTERS,
    BUILD_INFO,
];

const REDIS_UP: Metric =
    Metric::gauge("redis_up", "1 when Redis answered the last poll of the stream, 0 when not");

const MEMORY_USED: Metric = Metric::gauge(
    "redis_memory_used_bytes",
    "Memory used by Redis (`used_memory`); `maxmemory` is its limit",
);

const MEMORY_MAX: Metric = Metric::gauge(
    "redis_memory_max_bytes",
    "`maxmemory` of Redis; absent when there is no limit. At the limit readings are answered with 503",
);

const LENGTH: Metric = Metric::gauge("stream_entries", "Entries in the stream, delivered or not");

const LAG: Metric = Metric::gauge(
    "stream_lag_entries",
    "Entries not yet delivered to the consumer group, counted where Redis' own `lag` may be wrong; a \
     lower bound while a large backlog is being counted",
);

const PENDING: Metric = Metric::gauge(
    "stream_pending_entries",
    "Entries delivered to a consumer of the group and not yet acknowledged",
);

const OLDEST_PENDING: Metric = Metric::gauge_seconds(
    "stream_oldest_pending_age",
    "Time since the oldest pending entry was accepted; 0 when no entry is pending. Not exposed by the \
     Ingestion API",
);

const CONSUMERS: Metric =
    Metric::gauge("stream_consumers", "Consumers of the group, whether their processes run or not");

const DEAD_LETTERS: Metric = Metric::gauge(
    "dead_letters",
    "Entries in the dead-letter stream, to be retried or deleted by an operator",
);

const BUILD_INFO: Metric =
    Metric::gauge("build_info", "Always 1; the label is the version").with_labels(&[
        instrumentation::metrics::Label::documented("version", "the version of the program"),
    ]);

/// What was seen of the stream; cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub struct PipelineWatch(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    /// `None` until the first look.
    redis_is_up: Option<bool>,
    /// `None` while Redis does not answer.
    now: Option<Look>,
    /// Counts of the last minute, oldest first.
    counts: VecDeque<Counts>,
}

#[derive(Debug, Clone)]
struct Look {
    memory: Option<ServerMemory>,
    backlog: GroupBacklog,
    oldest_pending: Option<Duration>,
    dead_letters: u64,
}

#[derive(Debug, Clone, Copy)]
struct Counts {
    at: Instant,
    added: u64,
    done: Option<u64>,
}

/// How fast readings come and go, a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Rates {
    pub ingested: Option<f64>,
    pub stored: Option<f64>,
}

impl PipelineWatch {
    /// Looks at the stream for ever, and shows in gauges what there is. `with_ages` asks for the age of
    /// pending entries, too, which the rights of the Ingestion API do not allow.
    pub async fn look(self, stream: ReadingStream, with_ages: bool) {
        self.show(with_ages);
        loop {
            let look = look(&stream, with_ages).await;
            self.note(look.inspect_err(|error| debug!(%error, "the stream is not seen")).ok());
            sleep(LOOK_EVERY).await;
        }
    }

    pub(super) fn rates(&self) -> Rates {
        rates(&self.seen().counts)
    }

    fn note(&self, look: Option<(Look, Option<Counts>)>) {
        let mut seen = self.seen();
        seen.redis_is_up = Some(look.is_some());
        let (look, counts) = look.map_or((None, None), |(look, counts)| (Some(look), counts));
        seen.now = look;
        if let Some(counts) = counts {
            remember(&mut seen.counts, counts);
        }
    }

    fn show(&self, with_ages: bool) {
        let up = self.clone();
        REDIS_UP.register_gauge(move || up.seen().redis_is_up.map(|up| as_f64(up.into())));
        self.gauge(&MEMORY_USED, |look| look.memory.map(|memory| memory.used));
        self.gauge(&MEMORY_MAX, |look| look.memory?.max);
        self.gauge(&LENGTH, |look| Some(look.backlog.stream_length));
        self.gauge(&LAG, |look| Some(look.backlog.unread.entries));
        self.gauge(&PENDING, |look| Some(look.backlog.group.pending));
        self.gauge(&CONSUMERS, |look| Some(look.backlog.group.consumers));
        self.gauge(&DEAD_LETTERS, |look| Some(look.dead_letters));
        if with_ages {
            let ages = self.clone();
            OLDEST_PENDING.register_gauge(move || {
                let age =
                    ages.seen().now.as_ref().map(|look| look.oldest_pending.unwrap_or_default());
                age.map(|age| age.as_secs_f64())
            });
        }
        BUILD_INFO.register_labelled_gauge(|| {
            vec![(1.0, vec![opentelemetry::KeyValue::new("version", env!("CARGO_PKG_VERSION"))])]
        });
    }

    fn gauge(&self, metric: &Metric, value: fn(&Look) -> Option<u64>) {
        let watch = self.clone();
        metric.register_gauge(move || watch.seen().now.as_ref().and_then(value).map(as_f64));
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // It is whole after each of its changes, also when a thread panicked between them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn look(
    stream: &ReadingStream,
    with_ages: bool,
) -> Result<(Look, Option<Counts>), StoreError> {
    let at = Instant::now();
    let (backlog, counts) = match stream.backlog_and_entries_added().await? {
        Some(backlog) => {
            let done = backlog.done();
            let counts = backlog.entries_added.map(|added| Counts { at, added, done });
            (backlog, counts)
        }
        None => without_group(stream.length().await?, at),
    };
    let oldest_pending = if with_ages && backlog.group.pending > 0 {
        stream.oldest_pending_age(&backlog.group.name).await?
    } else {
        None
    };
    let dead_letters = stream.count_dead_letters().await?;
    // A user may be denied that; the rest is no less true.
    let memory = stream.server_memory().await.ok();
    Ok((Look { memory, backlog, oldest_pending, dead_letters }, counts))
}

/// Nothing was delivered to a group that does not exist; and nothing was ever added where there is no
/// stream either.
fn without_group(stream_length: u64, at: Instant) -> (GroupBacklog, Option<Counts>) {
    let unread = Unread { entries: stream_length, is_exact: true };
    let counts = (stream_length == 0).then_some(Counts { at, added: 0, done: Some(0) });
    (GroupBacklog { unread, stream_length, ..GroupBacklog::default() }, counts)
}

/// Keeps the counts of the last minute; those of a stream that was deleted since are of no use.
fn remember(counts: &mut VecDeque<Counts>, new: Counts) {
    let is_less = |last: &Counts| {
        last.added > new.added || last.done.zip(new.done).is_some_and(|(last, new)| last > new)
    };
    if counts.back().is_some_and(is_less) {
        counts.clear();
    }
    counts.push_back(new);
    while counts.front().is_some_and(|first| new.at.duration_since(first.at) > RATES_OVER) {
        counts.pop_front();
    }
}

/// Both over the same time, or what went in and what came out would be told of different minutes: where
/// both numbers are known, else of what went in alone.
fn rates(counts: &VecDeque<Counts>) -> Rates {
    let added = |counts: &Counts| Some((counts.at, counts.added));
    let done = |counts: &Counts| Some((counts.at, counts.done?));
    let with_done = counts.iter().filter(|counts| counts.done.is_some());
    let stored = rate(with_done.clone().filter_map(done));
    let ingested = match stored {
        Some(_) => rate(with_done.filter_map(added)),
        None => rate(counts.iter().filter_map(added)),
    };
    Rates { ingested, stored }
}

/// From the first number to the last.
fn rate(mut numbers: impl DoubleEndedIterator<Item = (Instant, u64)>) -> Option<f64> {
    let ((began, from), (ended, to)) = (numbers.next()?, numbers.next_back()?);
    let seconds = ended.duration_since(began).as_secs_f64();
    (seconds > 0.0).then(|| as_f64(to.saturating_sub(from)) / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(looks: &[(u64, u64, Option<u64>)]) -> Rates {
        let start = Instant::now();
        let mut counts = VecDeque::new();
        for &(second, added, done) in looks {
            let at = start + Duration::from_secs(second);
            remember(&mut counts, Counts { at, added, done });
        }
        rates(&counts)
    }

    #[test]
    fn rates_are_those_of_the_last_minute() {
        let looks = [(0, 0, Some(0)), (5, 50, Some(40)), (65, 650, Some(340))];
        assert_eq!(after(&looks), Rates { ingested: Some(10.0), stored: Some(5.0) });
    }

    #[test]
    fn there_are_no_rates_before_the_second_look_or_after_the_stream_was_deleted() {
        assert_eq!(after(&[]), Rates::default());
        assert_eq!(after(&[(0, 7, Some(7))]), Rates::default());
        assert_eq!(after(&[(0, 50, Some(9)), (5, 3, Some(0))]), Rates::default());
    }

    #[test]
    fn what_is_not_known_has_no_rate() {
        let rates = after(&[(0, 0, None), (5, 50, None)]);
        assert_eq!(rates, Rates { ingested: Some(10.0), stored: None });
    }

    #[test]
    fn both_rates_are_of_the_same_time() {
        let rates = after(&[(0, 0, None), (5, 1_000, Some(1_000)), (10, 1_100, Some(1_050))]);
        assert_eq!(rates, Rates { ingested: Some(20.0), stored: Some(10.0) });
        let rates = after(&[(0, 0, Some(0)), (5, 1_000, None), (10, 1_100, Some(1_100))]);
        assert_eq!(rates, Rates { ingested: Some(110.0), stored: Some(110.0) });
    }

    #[test]
    fn before_there_is_a_stream_nothing_was_added_and_nothing_done() {
        let (_, counts) = without_group(0, Instant::now());
        assert_eq!(counts.map(|counts| (counts.added, counts.done)), Some((0, Some(0))));
        assert!(without_group(5, Instant::now()).1.is_none());
    }
}
