//! Samples of a message become measurements, or are counted as unmapped.

use readings::Instant;
use readings::validation::Measurement;
use tokio::task::yield_now;

use super::mapping::{RemoteWriteMapping, Source, Target, text_of};
use super::wire::{Malformed, Series, series};
use crate::ingestion::received_rows::{RawRow, ReceivedRows};

/// Why a sample without a number is no reading: a stale marker (the series has ended), or the NaN of an exporter.
const NO_NUMBER: &str = "the sample is a stale marker or not a number";

/// Series that are read without a pause. Too low: reading takes longer. Too high: other requests of the thread wait.
const SERIES_WITHOUT_PAUSE: u64 = 500;

/// Reads all samples, before any of them is appended.
///
/// # Errors
/// When a series, mapped or not, is malformed.
pub(super) async fn read(
    message: &[u8],
    mapping: &RemoteWriteMapping,
    rows: &mut ReceivedRows<'_>,
) -> Result<(), Malformed> {
    for (series, place) in series(message).zip(1_u64..) {
        let series = series?;
        match mapping.target(series)? {
            Target::Reading(source) => push(series, place, source, rows)?,
            Target::Unmapped { metric, reason } => {
                for sample in series.samples() {
                    sample?;
                    rows.leave_unmapped(metric, || reason.to_owned());
                }
            }
        }
        if place.is_multiple_of(SERIES_WITHOUT_PAUSE) {
            yield_now().await;
        }
    }
    Ok(())
}

/// Adds the samples of a series of power. A rejected one is kept as its series, so that a series of which each sample is
/// invalid has one dead letter.
fn push(
    series: Series<'_>,
    place: u64,
    source: Source<'_>,
    rows: &mut ReceivedRows<'_>,
) -> Result<(), Malformed> {
    let Source { metric, site, device, unit } = source;
    let text = text_of(series);
    for sample in series.samples() {
        let sample = sample?;
        if sample.value.is_nan() {
            rows.leave_unmapped(metric, || NO_NUMBER.to_owned());
            continue;
        }
        let instant = Instant::from_epoch_micros(sample.timestamp.saturating_mul(1_000));
        // By its decimal text, so that 1.1 kW are 1100 W.
        let watts = unit.watts(&format!("{:?}", sample.value));
        let measurement = Measurement { site, device, watts, instant };
        rows.push(&measurement, RawRow { place, text: text.as_bytes() });
    }
    Ok(())
}
