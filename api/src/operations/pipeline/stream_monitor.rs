//! Polls the stream for the gauges and the rates: sums over all its partitions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use instrumentation::metrics::{Metric, as_f64};
use readings::store::backlog::GroupBacklog;
use readings::store::stream::StreamPartitions;
use readings::store::stream::every_partition::backlogs::PartitionBacklog;
use readings::store::{Partition, ServerMemory, StoreError};
use tokio::time::sleep;
use tracing::debug;

use super::rates::{Rates, Sample, Samples};

/// How often the stream is polled. Too low and Redis does useless work; too high and autoscaling and alerts see a
/// backlog late.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

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

/// Polls the stream; cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct StreamMonitor(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// `None` before the first poll.
    redis_is_up: Option<bool>,
    /// `None` while Redis does not respond.
    snapshot: Option<Snapshot>,
    samples: Samples,
}

#[derive(Debug, Clone)]
struct Snapshot {
    memory: Option<ServerMemory>,
    backlog: GroupBacklog,
    oldest_pending: Option<Duration>,
    dead_letters: u64,
}

impl StreamMonitor {
    /// Polls the stream forever and registers the gauges. `with_ages` polls the age of pending entries, too,
    /// which the Redis user of the Ingestion API is not allowed to.
    pub async fn run(self, partitions: StreamPartitions, with_ages: bool) {
        self.register_gauges(with_ages);
        loop {
            let polled = poll(&partitions, with_ages).await;
            self.record(polled.inspect_err(|error| debug!(%error, "cannot read the stream")).ok());
            sleep(POLL_INTERVAL).await;
        }
    }

    pub(super) fn rates(&self) -> Rates {
        self.state().samples.rates()
    }

    fn record(&self, polled: Option<(Snapshot, Polled)>) {
        let mut state = self.state();
        state.redis_is_up = Some(polled.is_some());
        let (snapshot, samples) = polled.unzip();
        state.snapshot = snapshot;
        if let Some(samples) = samples {
            state.samples.record(samples);
        }
    }

    fn register_gauges(&self, with_ages: bool) {
        let up = self.clone();
        REDIS_UP.register_gauge(move || up.state().redis_is_up.map(|up| as_f64(up.into())));
        self.gauge(&MEMORY_USED, |snapshot| snapshot.memory.map(|memory| memory.used));
        self.gauge(&MEMORY_MAX, |snapshot| snapshot.memory?.max);
        self.gauge(&LENGTH, |snapshot| Some(snapshot.backlog.stream_length));
        self.gauge(&LAG, |snapshot| Some(snapshot.backlog.unread.entries));
        self.gauge(&PENDING, |snapshot| Some(snapshot.backlog.group.pending));
        self.gauge(&CONSUMERS, |snapshot| Some(snapshot.backlog.group.consumers));
        self.gauge(&DEAD_LETTERS, |snapshot| Some(snapshot.dead_letters));
        if with_ages {
            let monitor = self.clone();
            OLDEST_PENDING.register_gauge(move || {
                let state = monitor.state();
                let age = state.snapshot.as_ref()?.oldest_pending.unwrap_or_default();
                Some(age.as_secs_f64())
            });
        }
        BUILD_INFO.register_labelled_gauge(|| {
            vec![(1.0, vec![opentelemetry::KeyValue::new("version", env!("CARGO_PKG_VERSION"))])]
        });
    }

    fn gauge(&self, metric: &Metric, value: fn(&Snapshot) -> Option<u64>) {
        let monitor = self.clone();
        metric
            .register_gauge(move || monitor.state().snapshot.as_ref().and_then(value).map(as_f64));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one poll found: a sample of each partition, where its counters are known.
type Polled = Vec<(Partition, Option<Sample>)>;

async fn poll(
    partitions: &StreamPartitions,
    with_ages: bool,
) -> Result<(Snapshot, Polled), StoreError> {
    let at = Instant::now();
    let backlogs = partitions.partition_backlogs().await?;
    let samples = backlogs.iter().map(|it| (it.partition, sample(&it.backlog, at))).collect();
    let oldest_pending =
        if with_ages { oldest_pending(partitions, &backlogs).await? } else { None };
    let dead_letters = partitions.count_dead_letters().await?;
    // The Redis user may be denied `INFO`; the rest is valid without it.
    let memory = partitions.of_partition(Partition::Whole).server_memory().await.ok();
    let backlog = GroupBacklog::sum(backlogs.into_iter().map(|it| it.backlog));
    Ok((Snapshot { memory, backlog, oldest_pending, dead_letters }, samples))
}

fn sample(backlog: &GroupBacklog, at: Instant) -> Option<Sample> {
    let processed = backlog.processed();
    backlog.entries_added.map(|added| Sample { at, added, processed })
}

/// The highest age in all partitions with pending entries.
async fn oldest_pending(
    partitions: &StreamPartitions,
    backlogs: &[PartitionBacklog],
) -> Result<Option<Duration>, StoreError> {
    let mut oldest = None;
    for PartitionBacklog { partition, backlog, .. } in backlogs {
        if backlog.group.pending > 0 {
            let stream = partitions.of_partition(*partition);
            oldest = oldest.max(stream.oldest_pending_age(&backlog.group.name).await?);
        }
    }
    Ok(oldest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_the_stream_exists_nothing_was_added_and_nothing_done() {
        let sample = sample(&GroupBacklog::without_group(0), Instant::now());
        assert_eq!(sample.map(|sample| (sample.added, sample.processed)), Some((0, Some(0))));
        assert!(super::sample(&GroupBacklog::without_group(5), Instant::now()).is_none());
    }
}
