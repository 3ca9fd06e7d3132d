//! A rollup as bytes, and back.
//!
//! ```text
//! version byte | postcard of the day | CRC-32 of all before, little-endian
//! ```
//!
//! Bytes that are foreign, damaged, of another version or of another day are an error, which a reader treats as
//! a rollup that is missing: it is computed again from members.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::day_rollup::DayRollup;
use super::wire::{
    WireDay, WireDevice, WireMore, WirePower, WireQuarter, WireRest, WireSample, is_thousandths,
};
use crate::energy::integration::{QUARTER_MICROS, Sample, Summary, WattSeconds, quarter_of};
use crate::iso8601::Instant;

/// Changed with [`wire`](super::wire) and with the arithmetic of a summary, so that no reader takes a
/// rollup of another release for its own.
const VERSION: u8 = 1;

const CHECKSUM_BYTES: usize = 4;
const QUARTERS_OF_A_DAY: u8 = 96;

/// A rollup that has no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rollup has quarters of another day, or too many of them")]
pub struct EncodeError;

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
    let day = WireDay {
        day: rollup.day.number(),
        signature: rollup.signature,
        devices: u32::try_from(rollup.devices.len()).map_err(|_| EncodeError)?,
    };
    let mut bytes = append(vec![VERSION], &day)?;
    for (id, summaries) in &rollup.devices {
        bytes = append_device(bytes, rollup.day, id, summaries)?;
    }
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    Ok(bytes)
}

fn append(bytes: Vec<u8>, part: &impl Serialize) -> Result<Vec<u8>, EncodeError> {
    postcard::to_extend(part, bytes).map_err(|_| EncodeError)
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
    let mut content = content;
    let wire: WireDay = take(&mut content)?;
    check(wire.day == day.number(), "day")?;
    let mut devices = BTreeMap::new();
    for _ in 0..wire.devices {
        let device: WireDevice<'_> = take(&mut content)?;
        let summaries = decode_device(day, &device, &mut content)?;
        check(devices.insert(device.id.into(), summaries).is_none(), "device id")?;
    }
    check(content.is_empty(), "length")?;
    let rollup = DayRollup { day, signature: wire.signature, devices };
    check_signature(&rollup)?;
    Ok(rollup)
}

/// Takes a part off the beginning of bytes.
fn take<'a, T: Deserialize<'a>>(bytes: &mut &'a [u8]) -> Result<T, DecodeError> {
    let (part, rest) = postcard::take_from_bytes(bytes)?;
    *bytes = rest;
    Ok(part)
}

fn check(holds: bool, name: &'static str) -> Result<(), DecodeError> {
    if holds { Ok(()) } else { Err(DecodeError::Invalid(name)) }
}

/// Readings are members, of which a signature has the number, and no sum of them overflows.
fn check_signature(rollup: &DayRollup) -> Result<(), DecodeError> {
    let mut summaries = rollup.devices.values().flatten();
    let counted = summaries.try_fold(0_u64, |sum, summary| {
        sum.checked_add(summary.count)?.checked_add(summary.repeats)
    });
    check(counted.is_some_and(|counted| counted <= rollup.signature), "signature")
}

fn append_device(
    bytes: Vec<u8>,
    day: Day,
    id: &str,
    summaries: &[Summary],
) -> Result<Vec<u8>, EncodeError> {
    let samples = || {
        summaries.iter().flat_map(|summary| {
            let Summary { first, last, min, max, .. } = *summary;
            [first, last, min, max]
        })
    };
    let unit_micros = samples().map(|sample| offset(sample.instant)).fold(0, gcd).max(1);
    let is_thousandths = samples().all(|sample| is_thousandths(sample.watts));
    let quarters = u8::try_from(summaries.len()).map_err(|_| EncodeError)?;
    let mut bytes = append(bytes, &WireDevice { id, unit_micros, is_thousandths, quarters })?;
    for summary in summaries {
        bytes = if is_thousandths {
            append(bytes, &wire_quarter::<i64>(day, unit_micros, summary)?)?
        } else {
            append(bytes, &wire_quarter::<f64>(day, unit_micros, summary)?)?
        };
    }
    Ok(bytes)
}

fn wire_quarter<W: WirePower>(
    day: Day,
    unit: u32,
    summary: &Summary,
) -> Result<WireQuarter<W>, EncodeError> {
    let sample = |sample: Sample| WireSample(offset(sample.instant) / unit, W::of(sample.watts));
    let number = quarter_of(summary.first.instant) - quarter_of(day.start());
    let more = || WireMore {
        count: summary.count,
        last: sample(summary.last),
        min: sample(summary.min),
        max: sample(summary.max),
        import: summary.energy.import,
    };
    Ok(WireQuarter {
        quarter: u8::try_from(number).map_err(|_| EncodeError)?,
        repeats: summary.repeats,
        first: sample(summary.first),
        rest: match summary.count {
            1 => WireRest::One,
            _ if summary.energy.export == 0.0 => WireRest::Import(more()),
            _ => WireRest::Export(more(), summary.energy.export),
        },
    })
}

fn decode_device(
    day: Day,
    device: &WireDevice<'_>,
    content: &mut &[u8],
) -> Result<Vec<Summary>, DecodeError> {
    check(device.unit_micros > 0, "unit")?;
    let quarters =
        if device.is_thousandths { decode_quarters::<i64> } else { decode_quarters::<f64> };
    quarters(day, device, content)
}

fn decode_quarters<'a, W: WirePower + Deserialize<'a>>(
    day: Day,
    device: &WireDevice<'_>,
    content: &mut &'a [u8],
) -> Result<Vec<Summary>, DecodeError> {
    let mut summaries = Vec::with_capacity(device.quarters.into());
    let mut next = 0;
    for _ in 0..device.quarters {
        let quarter: WireQuarter<W> = take(content)?;
        check((next..QUARTERS_OF_A_DAY).contains(&quarter.quarter), "quarter")?;
        next = quarter.quarter + 1;
        let start = (quarter_of(day.start()) + i64::from(quarter.quarter)) * QUARTER_MICROS;
        let sample = |WireSample(units, power): WireSample<W>| {
            let offset = i64::from(units) * i64::from(device.unit_micros);
            check(offset < QUARTER_MICROS && power.watts().is_finite(), "reading")?;
            Ok(Sample { instant: Instant::from_epoch_micros(start + offset), watts: power.watts() })
        };
        summaries.push(summary(&quarter, sample)?);
    }
    Ok(summaries)
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
