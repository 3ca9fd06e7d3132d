//! When values were measured: which fields say it, how, and of which end of an interval.

use chrono::TimeDelta;

use super::known::{Known, MAP};
use super::roles;
use super::when::{TimeFields, When};
use crate::error::FileError;
use crate::shape::{Columns, Shape, Times};
use crate::time::clock::{Clock, Order};
use crate::time::format::TimeFormat;
use crate::time::zone::Zone;

const TIMES: &str = "--times start|end";

/// What was decided about times.
pub struct TimePlan {
    /// How times are read.
    pub when: When,
    /// The order of the file.
    pub order: Order,
    /// The zone, as a part of a sentence.
    pub zone: String,
}

impl Known {
    pub(super) fn time_fields(&self, columns: &Columns) -> Result<TimeFields, FileError> {
        let Columns { timestamp, date, time, start, end, period, number, .. } = columns;
        if let Some(period) = period {
            return Ok(TimeFields::Period(self.place(period)?));
        }
        if let (Some(date), Some(number)) = (date, number) {
            return Ok(TimeFields::Numbered(self.place(date)?, self.place(number)?));
        }
        Ok(match (start, end, timestamp, date, time) {
            (Some(start), Some(end), ..) => {
                TimeFields::StartAndEnd(self.place(start)?, self.place(end)?)
            }
            (_, Some(one), None, None, _)
            | (Some(one), ..)
            | (_, _, Some(one), ..)
            | (_, _, _, Some(one), None) => TimeFields::One(self.place(one)?),
            (_, _, _, Some(date), Some(time)) => {
                TimeFields::Two(self.place(date)?, self.place(time)?)
            }
            _ => {
                let question =
                    format!("it is unclear which column is the time, of {}", self.shown());
                return Err(FileError::unclear(question, MAP));
            }
        })
    }

    pub(super) fn time_format(
        &self,
        fields: &TimeFields,
        shape: &Shape,
    ) -> Result<TimeFormat, FileError> {
        if let Some(name) = &shape.time_format {
            return TimeFormat::named(name)
                .map_err(|rule| FileError::shape(format!("--time-format {rule}")));
        }
        let texts: Vec<_> = self.samples.iter().map(|sample| fields.text(sample)).collect();
        TimeFormat::infer(texts.iter().map(String::as_str))
    }

    pub(super) fn zone(
        &self,
        fields: &TimeFields,
        format: &TimeFormat,
        shape: &Shape,
    ) -> Result<(Option<Zone>, String), FileError> {
        if let Some(name) = &shape.zone {
            let zone: Zone =
                name.parse().map_err(|rule| FileError::shape(format!("--tz {name} {rule}")))?;
            return Ok((Some(zone), format!("in {zone}")));
        }
        let times =
            self.samples.iter().filter_map(|sample| format.parse(&fields.text(sample)).ok());
        let mut times = times.peekable();
        let has_offsets = times.peek().is_some() && times.all(|time| time.offset.is_some());
        let name = self.names.get(fields.first()).map_or("", String::as_str);
        if has_offsets {
            return Ok((None, "with their offset from UTC".to_owned()));
        }
        if let Some(zone) = roles::zone(name) {
            return Ok((Some(zone), format!("in {zone}, as the header says")));
        }
        if roles::is_utc(name) {
            return Ok((Some(Zone::UTC), "in UTC, as the header says".to_owned()));
        }
        Err(FileError::unclear(
            "times have no offset from UTC, and the file names no zone",
            "--tz ZONE, as --tz Europe/Berlin",
        ))
    }

    pub(super) fn time_plan(
        &self,
        shape: &Shape,
        columns: &Columns,
        (fields, format): (TimeFields, TimeFormat),
        (order, step): (Order, Option<TimeDelta>),
        needs_interval: bool,
    ) -> Result<TimePlan, FileError> {
        let (zone, shown_zone) = self.zone(&fields, &format, shape)?;
        let place = if let TimeFields::Two(_, time) = fields { time } else { fields.first() };
        let name = self.names.get(place).cloned().unwrap_or_else(|| format!("#{}", place + 1));
        let has_ends = matches!(fields, TimeFields::StartAndEnd(..) | TimeFields::Period(_));
        let length_field = columns.length.as_ref().map(|name| self.place(name)).transpose()?;
        let is_known = has_ends || length_field.is_some();
        // Dates alone do not show the length of numbered intervals.
        let step = step.filter(|_| !matches!(fields, TimeFields::Numbered(..)));
        let length = match (needs_interval && !is_known, shape.interval, step) {
            (false, ..) => None,
            (true, Some(interval), _) => Some(interval.length()),
            (true, None, Some(step)) => Some(step),
            (true, None, None) => {
                return Err(FileError::unclear(
                    "the length of the intervals is unclear",
                    "--interval, as --interval 30m",
                ));
            }
        };
        let named = match () {
            () if columns.start.is_some() || columns.number.is_some() => Some(Times::Start),
            () if columns.end.is_some()
                && columns.timestamp.is_none()
                && columns.date.is_none() =>
            {
                Some(Times::End)
            }
            () => roles::labels(&name),
        };
        let labels = match (length.is_some() || length_field.is_some(), shape.times.or(named)) {
            (false, _) => Times::Start,
            (true, Some(labels)) => labels,
            (true, None) => {
                let question = format!(
                    "it is unclear whether `{name}` is the start or the end of an interval"
                );
                return Err(FileError::unclear(question, TIMES));
            }
        };
        let clock = Clock::new(zone, labels, order);
        let when = When { fields, name, format, labels, length, length_field, clock };
        Ok(TimePlan { when, order, zone: shown_zone })
    }
}
