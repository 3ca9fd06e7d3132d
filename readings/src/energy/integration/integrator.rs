//! Readings of all devices of a site become buckets.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bucket::Bucket;
use super::composer::{ComposeError, Composer};
use super::rules::Aggregation;
use super::sample::Sample;
use super::summarizer::{Pushed, Summarizer, end_of_quarter};
use super::summary::Summary;
use crate::iso8601::Instant;

/// Buckets of all devices of one question. Too low and a site with many devices has to be asked by device; too
/// high and one question takes that much memory (a bucket has 160 bytes).
pub const MAX_FILLED_BUCKETS: usize = 200_000;

/// The devices of the site have too many buckets together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "all devices together have more than {MAX_FILLED_BUCKETS} buckets, send a longer interval, a shorter range or device_id"
)]
pub struct TooManyFilled;

/// Readings or summaries that cannot be integrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntegrateError {
    /// Too many buckets.
    #[error(transparent)]
    TooMany(#[from] TooManyFilled),
    /// A summary that is not of one bucket, or not later than what came before.
    #[error(transparent)]
    Compose(#[from] ComposeError),
}

/// Integrates readings that arrive in the order of (instant, stream id) across devices; its memory is that of
/// the devices and their buckets, however many readings there are.
#[derive(Debug)]
pub struct Integrator {
    aggregation: Arc<Aggregation>,
    devices: Vec<Device>,
    /// The index of each device, by its id.
    places: BTreeMap<Box<str>, usize>,
    filled: usize,
    ignored: u64,
}

/// What [`Integrator`] gives.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteBuckets {
    /// By device: those with a reading in the range, or with one that holds into it.
    pub devices: BTreeMap<Box<str>, Vec<Bucket>>,
    /// Readings that are not finite, or came after a later one of their device.
    pub ignored: u64,
}

impl Integrator {
    /// Integrates nothing yet.
    #[must_use]
    pub fn new(aggregation: Aggregation) -> Self {
        let aggregation = Arc::new(aggregation);
        Self { aggregation, devices: Vec::new(), places: BTreeMap::new(), filled: 0, ignored: 0 }
    }

    /// Adds a reading of a device, from a max gap before the range until a max gap after it (see
    /// [`Composer::push`]).
    ///
    /// # Errors
    /// When the buckets of all devices are too many.
    pub fn push(&mut self, device: &str, sample: Sample) -> Result<(), TooManyFilled> {
        let change = self.device(device).push(sample);
        self.ignored += change.ignored;
        self.count(change.filled)
    }

    /// Adds summaries of a device, later than all of its readings so far, in the order of time. Readings may
    /// follow: parts of a question come from rollups, others from members.
    ///
    /// # Errors
    /// When a summary cannot be composed, or the buckets of all devices are too many.
    pub fn push_summaries(
        &mut self,
        device: &str,
        summaries: &[Summary],
    ) -> Result<(), IntegrateError> {
        let integrator = self.device(device);
        let before = integrator.composer.filled();
        integrator.flush();
        summaries.iter().try_for_each(|summary| integrator.composer.push(summary))?;
        let filled = integrator.composer.filled() - before;
        Ok(self.count(filled)?)
    }

    fn device(&mut self, id: &str) -> &mut Device {
        let place = self.places.get(id).copied().unwrap_or_else(|| {
            self.devices.push(Device::new(self.aggregation.clone()));
            self.places.insert(id.into(), self.devices.len() - 1);
            self.devices.len() - 1
        });
        &mut self.devices[place]
    }

    fn count(&mut self, filled: usize) -> Result<(), TooManyFilled> {
        self.filled += filled;
        if self.filled > MAX_FILLED_BUCKETS { Err(TooManyFilled) } else { Ok(()) }
    }

    /// The buckets, after the last reading.
    #[must_use]
    pub fn finish(self) -> SiteBuckets {
        let mut buckets: Vec<_> = self.devices.into_iter().map(Device::finish).collect();
        let of = |(id, place): (Box<str>, usize)| (id, std::mem::take(&mut buckets[place]));
        let devices = self.places.into_iter().map(of).filter(|(_, buckets)| !buckets.is_empty());
        SiteBuckets { devices: devices.collect(), ignored: self.ignored }
    }
}

/// One device.
#[derive(Debug)]
struct Device {
    aggregation: Arc<Aggregation>,
    summarizer: Summarizer,
    composer: Composer,
}

/// What a reading changed.
struct Change {
    filled: usize,
    ignored: u64,
}

impl Device {
    fn new(aggregation: Arc<Aggregation>) -> Self {
        let composer = Composer::new(aggregation.clone());
        Self { aggregation, summarizer: Summarizer::default(), composer }
    }

    fn push(&mut self, sample: Sample) -> Change {
        let rules = self.aggregation.rules;
        let end_of = |instant| end_of_part(&self.aggregation, instant);
        match self.summarizer.push(sample, rules, end_of) {
            Pushed::Held => Change { filled: 0, ignored: 0 },
            Pushed::Ignored => Change { filled: 0, ignored: 1 },
            Pushed::Finished(summary) => {
                let before = self.composer.filled();
                compose(&mut self.composer, &summary);
                Change { filled: self.composer.filled() - before, ignored: 0 }
            }
        }
    }

    /// Composes what the readings so far are summarized to.
    fn flush(&mut self) {
        let end_of = |instant| end_of_part(&self.aggregation, instant);
        let summarizer = std::mem::take(&mut self.summarizer);
        for summary in summarizer.finish(self.aggregation.rules, end_of) {
            compose(&mut self.composer, &summary);
        }
    }

    fn finish(mut self) -> Vec<Bucket> {
        self.flush();
        self.composer.finish()
    }
}

/// The end of the part of time that is summarized with an instant: of its quarter or its bucket.
fn end_of_part(aggregation: &Aggregation, instant: Instant) -> Instant {
    let quarter = end_of_quarter(instant);
    aggregation.buckets.next_edge(instant).map_or(quarter, |edge| edge.min(quarter))
}

fn compose(composer: &mut Composer, summary: &Summary) {
    let result = composer.push(summary);
    debug_assert!(result.is_ok(), "summaries end at edges, in the order of time: {result:?}");
}
