//! Samples the tiers of stored readings for the gauges and the state of the pipeline.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use instrumentation::metrics::{Label, Metric, as_f64};
use opentelemetry::KeyValue;
use readings::store::catalog::{SiteCatalog, Tier, Tiers};
use tokio::time::sleep;
use tracing::debug;

/// How often sites are sampled. Too low and Redis does useless work; too high and a page shows an old state after a start.
const SAMPLE_INTERVAL: Duration = Duration::from_mins(1);

/// Pause after a sample without sites, or one that failed. A new installation gets its first values soon.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The metrics of the tiers. Every process exposes values of its own samples: aggregate with `avg`, never with `sum`.
pub const CATALOGUE: &[Metric] = &[READINGS, BYTES];

const TIERS: [&str; 3] = ["hot", "packed", "archived"];

const LABEL: &[Label] = &[Label::enumerated("tier", &TIERS)];

const READINGS: Metric = Metric::gauge(
    "tier_readings",
    "Stored readings by tier: in sorted sets (`hot`), packed days, and the archive. From a sample of at most 64 sites, so an \
     estimate where there are more. A reading that is in two tiers, until it is packed again, counts in both",
)
.with_labels(LABEL);

const BYTES: Metric = Metric::gauge(
    "tier_memory_bytes",
    "Memory of Redis by tier, from the same sample (`MEMORY USAGE`); of archived days what Redis keeps of them. Absent \
     without the permission for `MEMORY USAGE`",
)
.with_labels(LABEL);

/// Samples the tiers; cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct TierMonitor(Arc<Mutex<Option<Tiers>>>);

impl TierMonitor {
    /// Samples forever and registers the gauges.
    pub async fn run(self, catalog: SiteCatalog) {
        self.register_gauges();
        loop {
            let sampled = catalog.tiers().await;
            let sampled = sampled.inspect_err(|error| debug!(%error, "cannot sample the tiers"));
            let sampled = sampled.ok().flatten();
            *self.state() = sampled;
            let has_sites = sampled.is_some_and(|it| it.sites > 0);
            sleep(if has_sites { SAMPLE_INTERVAL } else { RETRY_INTERVAL }).await;
        }
    }

    /// The last sample; `None` before the first one, and where the last one failed.
    fn sampled(&self) -> Option<Tiers> {
        *self.state()
    }

    /// The last sample of sites; `None` before there are any.
    pub(super) fn of_sites(&self) -> Option<Tiers> {
        self.sampled().filter(|it| it.sites > 0)
    }

    fn register_gauges(&self) {
        self.gauge(&READINGS, |tier| Some(tier.readings));
        self.gauge(&BYTES, |tier| tier.bytes);
    }

    fn gauge(&self, metric: &Metric, value: fn(&Tier) -> Option<u64>) {
        let monitor = self.clone();
        metric.register_labelled_gauge(move || {
            let Some(Tiers { hot, packed, archived, .. }) = monitor.sampled() else {
                return Vec::new();
            };
            let values = TIERS.into_iter().zip([hot, packed, archived]);
            let values = values.filter_map(|(name, tier)| Some((name, value(&tier)?)));
            values.map(|(name, value)| (as_f64(value), vec![KeyValue::new("tier", name)])).collect()
        });
    }

    fn state(&self) -> MutexGuard<'_, Option<Tiers>> {
        // A panic cannot leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
