//! Times the arithmetic of energy over a year of one device: `cargo run --release -p readings --example
//! energy_of_a_year`. Each line is the best of several runs.
#![expect(clippy::print_stdout, reason = "an example for the terminal")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant as Clock};

use readings::Instant;
use readings::energy::calendar::{Buckets, Interval, Range, Zone};
use readings::energy::integration::{Aggregation, Integrator, Rules, Sample};
use readings::energy::rollup::{Day, DayBuilder, DayRollup, decode, encode};

const RUNS: usize = 15;
const DEVICE: &str = "main-meter";
const MICROS: i64 = 1_000_000;
/// 2023-01-01T00:00:00Z.
const START: i64 = 1_672_531_200 * MICROS;
const DAYS: i64 = 365;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let zone: Zone = "America/Los_Angeles".parse()?;
    for (name, seconds) in [("hourly", 3_600), ("minutely", 60)] {
        let samples = samples(seconds);
        println!("{name}: {} readings", samples.len());
        let range = Range::new(at(START + 8 * 3_600 * MICROS), at(START + DAYS * 86_400 * MICROS))?;
        let days =
            Aggregation { buckets: Buckets::new(range, Interval::DAY, zone)?, rules: Rules::STEP };
        report("integrate readings by local day", || integrate(&days, &samples))?;
        let rollups = rollups(&samples)?;
        report("summarize readings by UTC day", || Ok(self::rollups(&samples)?.len()))?;
        let encoded: Vec<_> = rollups.iter().map(encode).collect::<Result<_, _>>()?;
        report("encode rollups", || {
            Ok(rollups.iter().map(|rollup| encode(rollup).map(|bytes| bytes.len())).sum::<Result<
                usize,
                _,
            >>(
            )?)
        })?;
        let bytes: usize = encoded.iter().map(Vec::len).sum();
        println!("  {bytes} bytes, {} a day", bytes / encoded.len());
        let dated: Vec<_> = rollups.iter().map(|rollup| rollup.day).zip(encoded).collect();
        report("decode rollups", || decode_all(&dated))?;
        report("compose rollups by local day", || compose(&days, rollups.iter()))?;
        report("decode and compose rollups", || {
            let rollups = dated.iter().map(|(day, bytes)| decode(bytes, *day));
            let rollups: Vec<_> = rollups.collect::<Result<_, _>>()?;
            compose(&days, rollups.iter())
        })?;
    }
    report("cut a year into local days", || {
        Ok(Buckets::new(year()?, Interval::DAY, zone)?.count())
    })?;
    report("cut a year into local hours", || {
        Ok(Buckets::new(year()?, Interval::HOUR, zone)?.count())
    })
}

fn at(micros: i64) -> Instant {
    Instant::from_epoch_micros(micros)
}

fn year() -> Outcome<Range> {
    Ok(Range::new(at(START), at(START + DAYS * 86_400 * MICROS))?)
}

/// A year of readings of thousandths of a watt.
fn samples(seconds: i64) -> Vec<Sample> {
    let watts =
        |n: i64| f64::from(u32::try_from(n * 7_919 % 4_000_000).unwrap_or_default()) / 1_000.0;
    let sample = |n| Sample { instant: at(START + n * seconds * MICROS), watts: watts(n) };
    (0..DAYS * 86_400 / seconds).map(sample).collect()
}

fn report<T>(what: &str, mut run: impl FnMut() -> Outcome<T>) -> Outcome<()> {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let start = Clock::now();
        black_box(run()?);
        best = best.min(start.elapsed());
    }
    println!("  {:>9.3} ms  {what}", best.as_secs_f64() * 1e3);
    Ok(())
}

fn integrate(aggregation: &Aggregation, samples: &[Sample]) -> Outcome<usize> {
    let mut integrator = Integrator::new(aggregation.clone());
    for sample in samples {
        integrator.push(DEVICE, *sample)?;
    }
    Ok(integrator.finish().devices.len())
}

fn rollups(samples: &[Sample]) -> Outcome<Vec<DayRollup>> {
    let mut rollups = Vec::new();
    for samples in samples.chunk_by(|one, next| Day::of(one.instant) == Day::of(next.instant)) {
        let mut builder = DayBuilder::new(Day::of(samples[0].instant));
        for sample in samples {
            builder.push(DEVICE, *sample)?;
        }
        rollups.push(builder.finish(samples.len() as u64));
    }
    Ok(rollups)
}

fn decode_all(encoded: &[(Day, Vec<u8>)]) -> Outcome<usize> {
    let mut summaries = 0;
    for (day, bytes) in encoded {
        summaries += decode(bytes, *day)?.devices.values().map(Vec::len).sum::<usize>();
    }
    Ok(summaries)
}

fn compose<'a>(
    aggregation: &Aggregation,
    rollups: impl Iterator<Item = &'a DayRollup>,
) -> Outcome<usize> {
    let mut integrator = Integrator::new(aggregation.clone());
    for rollup in rollups {
        for (device, summaries) in rollup.within(aggregation.buckets.range()) {
            integrator.push_summaries(device, summaries)?;
        }
    }
    Ok(integrator.finish().devices.len())
}
