//! A record for each interval of a day.

use std::collections::VecDeque;
use std::str::FromStr;

use chrono::{SecondsFormat, TimeDelta};

use crate::day_columns::DayColumns;
use crate::error::FileError;
use crate::records::names::{plain, position};
use crate::records::{Known, Record, Records};
use crate::shape::{Columns, Shape, ValueColumn};
use crate::time::format::TimeFormat;
use crate::time::zone::{Offsets, Zone};

/// The name of the time of an interval, and that of its value.
const TIME: &str = "time of the interval";
const VALUE: &str = "value of the interval";

/// Names of the date, if the shape does not name it.
const DATES: [&str; 9] =
    ["date", "datum", "day", "giorno", "fecha", "data", "settlement date", "read date", "tag"];

/// The intervals of the days of other records.
pub struct Unfolded<R> {
    days: R,
    unfolder: Unfolder,
    intervals: VecDeque<Record>,
}

/// Turns a day into its intervals.
struct Unfolder {
    columns: DayColumns,
    /// The places of the columns that all intervals of a day share.
    shared: Vec<usize>,
    date: usize,
    /// Of numbered columns: the zone of midnight, and how dates are written.
    midnight: Option<(Zone, TimeFormat)>,
}

impl<R: Records> Unfolded<R> {
    /// The intervals of these days.
    ///
    /// # Errors
    /// When there is no column of the date, or columns are numbered and the zone is unknown.
    pub fn new(
        columns: DayColumns,
        known: &Known,
        shape: &Shape,
        days: R,
    ) -> Result<Self, FileError> {
        let names = &known.names;
        let date = match &shape.columns.date {
            Some(name) => position(names, name),
            None => names.iter().position(|name| DATES.contains(&plain(name).as_str())),
        };
        let date = date.ok_or_else(|| {
            FileError::unclear("no column is the date of a day", "--map date=COLUMN")
        })?;
        let midnight =
            if columns.labels.is_some() { None } else { Some(midnight(known, shape, date)?) };
        let shared = (0..names.len()).filter(|place| !columns.places.contains(place)).collect();
        Ok(Self {
            days,
            unfolder: Unfolder { columns, shared, date, midnight },
            intervals: VecDeque::new(),
        })
    }

    /// What is known of the intervals.
    pub fn known(&self, days: &Known) -> Known {
        let shared = self.unfolder.shared.iter().map(|place| days.names[*place].clone());
        let names = shared.chain([TIME.to_owned(), VALUE.to_owned()]).collect();
        let samples = days.samples.iter().flat_map(|day| self.unfolder.intervals(day));
        Known { names, samples: samples.collect(), has_semicolons: days.has_semicolons }
    }

    /// The shape of the intervals.
    pub fn shape(&self, days: &Shape) -> Shape {
        let mut shape = shape_of_intervals(days, &self.unfolder.columns);
        if self.unfolder.midnight.is_some() {
            shape.time_format = None;
        }
        shape
    }
}

/// The zone and the format that the midnight of a day follows from.
fn midnight(known: &Known, shape: &Shape, date: usize) -> Result<(Zone, TimeFormat), FileError> {
    let format = match &shape.time_format {
        Some(name) => TimeFormat::named(name).map_err(FileError::shape)?,
        None => TimeFormat::infer(
            known.samples.iter().filter_map(|row| row.get(date)).map(String::as_str),
        )?,
    };
    let zone = shape
        .zone
        .as_deref()
        .ok_or_else(|| FileError::unclear("the zone of the days is unknown", "--tz ZONE"))?;
    Ok((Zone::from_str(zone).map_err(FileError::shape)?, format))
}

impl Unfolder {
    fn intervals(&self, day: &[String]) -> Vec<Vec<String>> {
        let shared: Vec<_> =
            self.shared.iter().map(|place| day.get(*place).cloned().unwrap_or_default()).collect();
        let date = day.get(self.date).map_or("", String::as_str);
        let interval = |(number, place): (usize, &usize)| {
            let value = day.get(*place).cloned().unwrap_or_default();
            shared.iter().cloned().chain([self.time(date, number), value]).collect()
        };
        self.columns.places.iter().enumerate().map(interval).collect()
    }

    /// The time of an interval: local, or in UTC where columns are numbered.
    fn time(&self, date: &str, number: usize) -> String {
        match &self.columns.labels {
            Some(labels) => format!("{date} {}", labels[number]),
            None => self.time_of_number(date, number).unwrap_or_else(|| date.to_owned()),
        }
    }

    fn time_of_number(&self, date: &str, number: usize) -> Option<String> {
        let (zone, format) = self.midnight.as_ref()?;
        let local = format.parse(date).ok()?.local;
        let (Offsets::One(offset) | Offsets::Repeated(offset, _)) = zone.offsets(local) else {
            return None;
        };
        let midnight = local.checked_sub_offset(offset)?.and_utc();
        let passed: TimeDelta = self.columns.length() * i32::try_from(number).ok()?;
        Some((midnight + passed).to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

impl<R: Records> Records for Unfolded<R> {
    fn next_record(&mut self) -> Result<Option<Record>, FileError> {
        while self.intervals.is_empty() {
            let Some(Record { line, text, fields }) = self.days.next_record()? else {
                return Ok(None);
            };
            // A footer or a second header stays what it is: no row.
            let has_date = fields
                .get(self.unfolder.date)
                .is_some_and(|date| date.contains(|sign: char| sign.is_ascii_digit()));
            if !has_date {
                return Ok(Some(Record { line, text, fields: Vec::new() }));
            }
            let record = |fields: Vec<String>| {
                let text = fields[fields.len() - 2..].join(" ");
                Record { line, text, fields }
            };
            self.intervals.extend(self.unfolder.intervals(&fields).into_iter().map(record));
        }
        Ok(self.intervals.pop_front())
    }
}

/// The shape of the intervals: that of the table, with their time and their value.
fn shape_of_intervals(shape: &Shape, columns: &DayColumns) -> Shape {
    let values =
        if shape.values.is_empty() { vec![ValueColumn::default()] } else { shape.values.clone() };
    let values = values.into_iter().map(|value| ValueColumn { column: VALUE.to_owned(), ..value });
    Shape {
        columns: Columns {
            timestamp: Some(TIME.to_owned()),
            date: None,
            time: None,
            start: None,
            end: None,
            ..shape.columns.clone()
        },
        values: values.collect(),
        interval: shape.interval.or(columns.interval()),
        times: Some(columns.times()),
        ..shape.clone()
    }
}
