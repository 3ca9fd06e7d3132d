//! The lines of a body, mapped to the rows of a receiver.

use std::sync::atomic::{AtomicU64, Ordering};

use poem::Request;
use readings::Instant;
use readings::store::receivers::Receiver;
use readings::validation::{ErrorKind, Location, Measurement, ValidationError};
use serde_json::Value;
use tokio::task::yield_now;
use tracing::info;

use super::line::{Line, Lines, NumberedLine};
use super::line_error::LineError;
use super::mapping::LineMapping;
use super::precision::Precision;
use crate::ingestion::received_rows::{RawRow, ReceivedRows};

/// The most lines of a request. Too low: clients which do not divide their batches have to. Too high: one request takes
/// much time (50,000 take some 0.6 s).
pub(super) const MAX_LINES: usize = 50_000;

/// Lines that are mapped without a pause. Too low: it takes longer. Too high: other requests of the thread wait (a line
/// takes 1 to 2 µs).
const LINES_WITHOUT_PAUSE: usize = 500;

/// What is valid for all lines of a request.
#[derive(Debug)]
pub(super) struct WriteTarget<'a> {
    /// The site of lines without a tag that names one.
    pub bucket: &'a str,
    pub precision: Precision,
    /// The time of arrival, which is that of lines without a timestamp.
    pub now: Instant,
}

/// The body has more than [`MAX_LINES`] lines.
#[derive(Debug)]
pub(super) struct TooManyLines;

/// Maps all lines.
pub(super) async fn read<'r>(
    body: &[u8],
    target: &WriteTarget<'_>,
    mapping: &LineMapping,
    request: &'r Request,
) -> Result<ReceivedRows<'r>, TooManyLines> {
    let mut rows = ReceivedRows::new(Receiver::LineProtocol, request);
    for (index, line) in Lines::new(body).enumerate() {
        if index == MAX_LINES {
            return Err(TooManyLines);
        }
        add(&mut rows, &line, target, mapping);
        if index % LINES_WITHOUT_PAUSE == LINES_WITHOUT_PAUSE - 1 {
            yield_now().await;
        }
    }
    Ok(rows)
}

fn add(
    rows: &mut ReceivedRows<'_>,
    NumberedLine { number, text, line }: &NumberedLine<'_>,
    target: &WriteTarget<'_>,
    mapping: &LineMapping,
) {
    let row = RawRow { place: *number, text };
    let line = match line {
        Ok(line) => line,
        Err(error) => return rows.reject(&[invalid(*error, text)], row),
    };
    let instant = line.timestamp.map_or(target.now, |time| target.precision.instant(time));
    let site = mapping.site(line, target.bucket);
    let has_power = mapping.for_each_power(line, |power| {
        let (device, watts) = (&*power.device, power.watts);
        rows.push(&Measurement { site: &site, device, watts, instant }, row);
    });
    if !has_power {
        let reason = || format!("none of LINE_PROTOCOL_FIELDS in {}", line.field_names());
        rows.leave_unmapped(&line.measurement.unescaped(), reason);
        log_unmapped(line);
    }
}

#[cold]
fn invalid(error: LineError, text: &[u8]) -> ValidationError {
    let kind = ErrorKind::LineInvalid(error.to_string().into());
    let input = Value::from(String::from_utf8_lossy(text)).to_string();
    ValidationError::new(Location::Body, kind, &input)
}

/// Logs the 1st, 2nd, 4th, 8th … such line of this process: an agent sends many, and that is no error.
fn log_unmapped(line: &Line<'_>) {
    static LINES: AtomicU64 = AtomicU64::new(0);
    let lines = LINES.fetch_add(1, Ordering::Relaxed) + 1;
    if lines.is_power_of_two() {
        let measurement = &*line.measurement.unescaped();
        let fields = line.field_names();
        info!(
            measurement,
            fields, lines, "a line without a field of LINE_PROTOCOL_FIELDS is ignored"
        );
    }
}
