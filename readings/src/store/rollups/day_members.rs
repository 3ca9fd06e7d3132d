//! Readings of days become rollups.

use crate::energy::integration::Sample;
use crate::energy::rollup::{Day, DayBuilder, DayRollup};

/// Rollups of neighbouring days, from their samples.
#[derive(Debug, Default)]
pub(super) struct DaysBuilder {
    day: Option<(DayBuilder, Day, u64)>,
}

impl DaysBuilder {
    /// Adds a sample; gives the rollup of the day before when it is the first one of another day.
    pub fn push(&mut self, device: &str, sample: Sample) -> Option<DayRollup> {
        let day = Day::of(sample.instant);
        let is_same = self.day.as_ref().is_some_and(|(_, present, _)| *present == day);
        let finished = if is_same { None } else { self.finish() };
        let (builder, _, samples) = self.day.get_or_insert_with(|| (DayBuilder::new(day), day, 0));
        // It is of this day.
        let pushed = builder.push(device, sample);
        *samples += u64::from(pushed.is_ok());
        finished
    }

    /// The rollup of the last day.
    pub fn finish(&mut self) -> Option<DayRollup> {
        self.day.take().map(|(builder, _, samples)| builder.finish(samples))
    }
}
