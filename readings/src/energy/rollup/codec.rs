//! A rollup as bytes, and back.
//!
//! ```text
//! version byte | postcard of the day | CRC-32 of all before, little-endian
//! ```
//!
//! Bytes that are foreign, damaged, of another version or of another day are an error, which a reader treats as
//! a rollup that is missing: it is computed again from members.

use std::collections::BTreeMap;

use super::day::Day;
use super::day_rollup::DayRollup;
use super::wire::{
    WireDay, WireDevice, WireMore, WirePower, WireQuarter, WireQuarters, WireRest, WireSample,
    is_thousandths,
};
use crate::energy::integration::{QUARTER_MICROS, Sample, Summary, WattSeconds, quarter_of};
use crate::iso8601::Instant;

/// Changed with [`wire`](super::wire) and with the arithmetic of a summary, so that no reader takes a
/// rollup of another release for its own.
const VERSION: u8 = 1;

const CHECKSUM_BYTES: usize = 4;
const QUARTERS_OF_A_DAY: i64 = 96;

/// A rollup that has no bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a rollup cannot be encoded: {0}")]
pub struct EncodeError(#[from] postcard::Error);

/// Bytes that are not a rollup of a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Fewer bytes than any rollup has.
    #[error("a rollup is cut off")]
    CutOff,
    /// Of another release.
    #[error("a rollup has version {0}, expected {VERSION}")]
    Version(u8),
    /// Damaged.
    #[error("a rollup has another checksum than its bytes")]
    Checksum,
    /// Not what this codec writes.
    #[error("a rollup has other bytes than its version has: {0}")]
    Shape(#[from] postcard::Error),
    /// A value that no readings give.
    #[error("a rollup has an invalid {0}")]
    Invalid(&'static str),
}

/// The bytes of a rollup.
///
/// # Errors
/// When a quarter is not of its day.
pub fn encode(rollup: &DayRollup) -> Result<Vec<u8>, EncodeError> {
    let devices =
        rollup.devices.iter().map(|(id, summaries)| wire_device(rollup.day, id, summaries));
    let day = WireDay {
        day: rollup.day.number(),
        members: rollup.members,
        devices: devices.collect::<Result<_, _>>()?,
    };
    let mut bytes = postcard::to_extend(&day, vec![VERSION])?;
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    Ok(bytes)
}

/// The rollup of a day from its bytes.
///
/// # Errors
/// When they are not one, or one of another day.
pub fn decode(bytes: &[u8], day: Day) -> Result<DayRollup, DecodeError> {
    let (body, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(DecodeError::CutOff)?;
    let (version, content) = body.split_first().ok_or(DecodeError::CutOff)?;
    if *version != VERSION {
        return Err(DecodeError::Version(*version));
    }
    if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
        return Err(DecodeError::Checksum);
    }
    let (wire, rest) = postcard::take_from_bytes::<WireDay<'_>>(content)?;
    check(rest.is_empty(), "length")?;
    check(wire.day == day.number(), "day")?;
    let mut devices = BTreeMap::new();
    let count = wire.devices.len();
    for device in wire.devices {
        devices.insert(device.id.into(), summaries(day, &device)?);
    }
    check(devices.len() == count, "device id")?;
    let rollup = DayRollup { day, members: wire.members, devices };
    check_members(&rollup)?;
    Ok(rollup)
}

fn check(holds: bool, name: &'static str) -> Result<(), DecodeError> {
    if holds { Ok(()) } else { Err(DecodeError::Invalid(name)) }
}

/// Readings are members, and no sum of them overflows.
fn check_members(rollup: &DayRollup) -> Result<(), DecodeError> {
    let mut summaries = rollup.devices.values().flatten();
    let counted = summaries.try_fold(0_u64, |sum, summary| {
        sum.checked_add(summary.count)?.checked_add(summary.repeats)
    });
    check(counted.is_some_and(|counted| counted <= rollup.members), "number of members")
}

fn wire_device<'a>(
    day: Day,
    id: &'a str,
    summaries: &[Summary],
) -> Result<WireDevice<'a>, postcard::Error> {
    let samples = || {
        summaries.iter().flat_map(|summary| {
            let Summary { first, last, min, max, .. } = *summary;
            [first, last, min, max]
        })
    };
    let unit = samples().map(|sample| offset(sample.instant)).fold(0, gcd).max(1);
    let quarters = if samples().all(|sample| is_thousandths(sample.watts)) {
        WireQuarters::Thousandths(wire_quarters(day, unit, summaries)?)
    } else {
        WireQuarters::Exact(wire_quarters(day, unit, summaries)?)
    };
    Ok(WireDevice { id, unit_micros: unit, quarters })
}

fn wire_quarters<W: WirePower>(
    day: Day,
    unit: u32,
    summaries: &[Summary],
) -> Result<Vec<WireQuarter<W>>, postcard::Error> {
    let sample = |sample: Sample| WireSample(offset(sample.instant) / unit, W::of(sample.watts));
    let quarter = |summary: &Summary| {
        let number = quarter_of(summary.first.instant) - quarter_of(day.start());
        let more = || WireMore {
            count: summary.count,
            last: sample(summary.last),
            min: sample(summary.min),
            max: sample(summary.max),
            import: summary.energy.import,
        };
        Ok(WireQuarter {
            quarter: u8::try_from(number).map_err(|_| postcard::Error::SerdeSerCustom)?,
            repeats: summary.repeats,
            first: sample(summary.first),
            rest: match summary.count {
                1 => WireRest::One,
                _ if summary.energy.export == 0.0 => WireRest::Import(more()),
                _ => WireRest::Export(more(), summary.energy.export),
            },
        })
    };
    summaries.iter().map(quarter).collect()
}

fn summaries(day: Day, device: &WireDevice<'_>) -> Result<Vec<Summary>, DecodeError> {
    check(device.unit_micros > 0, "unit")?;
    match &device.quarters {
        WireQuarters::Thousandths(quarters) => decode_quarters(day, device.unit_micros, quarters),
        WireQuarters::Exact(quarters) => decode_quarters(day, device.unit_micros, quarters),
    }
}

fn decode_quarters<W: WirePower>(
    day: Day,
    unit: u32,
    quarters: &[WireQuarter<W>],
) -> Result<Vec<Summary>, DecodeError> {
    check(quarters.is_sorted_by(|one, next| one.quarter < next.quarter), "quarter")?;
    let first = quarter_of(day.start());
    let decoded = quarters.iter().map(|quarter| {
        let number = i64::from(quarter.quarter);
        check(number < QUARTERS_OF_A_DAY, "quarter")?;
        let start = (first + number) * QUARTER_MICROS;
        let sample = |WireSample(units, power): WireSample<W>| {
            let offset = i64::from(units) * i64::from(unit);
            check(offset < QUARTER_MICROS && power.watts().is_finite(), "reading")?;
            Ok(Sample { instant: Instant::from_epoch_micros(start + offset), watts: power.watts() })
        };
        summary(quarter, sample)
    });
    decoded.collect()
}

fn summary<W: WirePower>(
    quarter: &WireQuarter<W>,
    sample: impl Fn(WireSample<W>) -> Result<Sample, DecodeError>,
) -> Result<Summary, DecodeError> {
    let mut summary = Summary::of(sample(quarter.first)?, quarter.repeats);
    let (more, export) = match &quarter.rest {
        WireRest::One => return Ok(summary),
        WireRest::Import(more) => (more, 0.0),
        WireRest::Export(more, export) => (more, *export),
    };
    summary.count = more.count;
    summary.last = sample(more.last)?;
    summary.min = sample(more.min)?;
    summary.max = sample(more.max)?;
    summary.energy = WattSeconds { import: more.import, export };
    // No pair within a quarter is a gap.
    let (first, last) = (summary.first.instant, summary.last.instant);
    summary.covered_micros = last.epoch_micros() - first.epoch_micros();
    check(summary.count > 1 && first < last, "count")?;
    check(more.import >= 0.0 && export >= 0.0, "energy")?;
    let is_inside = |sample: Sample| first <= sample.instant && sample.instant <= last;
    check(is_inside(summary.min) && is_inside(summary.max), "extreme")?;
    Ok(summary)
}

/// Microseconds from the beginning of its quarter.
fn offset(instant: Instant) -> u32 {
    // It always fits: a quarter has 900,000,000.
    u32::try_from(instant.epoch_micros().rem_euclid(QUARTER_MICROS)).unwrap_or_default()
}

const fn gcd(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { gcd(other, one % other) }
}
