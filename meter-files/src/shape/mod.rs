//! The shape of a file: everything that must be known to read it. A profile describes it, options of the command override a
//! profile, and what neither says is inferred or asked for.

pub mod column_map;
pub mod duration;
pub mod unit;

use serde::Deserialize;

use self::duration::Interval;
use self::unit::{Measure, Unit};

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A table with a value or several in a row.
    #[default]
    Table,
    /// A table with a day in a row: a column for each interval.
    Days,
    /// JSON: an array of records, or one that is nested in objects.
    Json,
    /// NEM12, of the Australian Energy Market Operator.
    Nem12,
    /// Green Button: Atom XML with `IntervalReading`s (NAESB ESPI).
    GreenButton,
    /// Annotated CSV of `InfluxDB`.
    InfluxCsv,
}

/// Which end of an interval a time denotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Times {
    /// The start.
    Start,
    /// The end.
    End,
}

/// The sign between the whole part and the fraction of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Decimal {
    /// `1,234.5`
    #[serde(rename = ".")]
    Point,
    /// `1.234,5`
    #[serde(rename = ",")]
    Comma,
}

/// The shape, as far as it is known. All members of all kinds, since options of the command apply to each kind alike.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shape {
    /// How the file is read; a table unless a profile says otherwise.
    pub kind: Kind,
    /// The separator of columns.
    pub delimiter: Option<char>,
    /// Lines before the header.
    pub skip_lines: Option<u64>,
    /// The decimal sign.
    pub decimal: Option<Decimal>,
    /// How times are written: `iso`, `dmy`, `mdy`, `ymd`, `epoch`, or a format of `strftime`.
    pub time_format: Option<String>,
    /// The zone of times without an offset: a name of the IANA database, `UTC`, or an offset such as `+01:00`.
    pub zone: Option<String>,
    /// The length of an interval. A power with an interval is a mean.
    pub interval: Option<Interval>,
    /// Whether times denote starts or ends of intervals.
    pub times: Option<Times>,
    /// The unit of all columns of values that have no unit of their own.
    pub unit: Option<Unit>,
    /// The device of readings, if neither the command nor a column names it.
    pub device: Option<String>,
    /// A step of a counter above this mean power, in W, is skipped.
    pub max_power: Option<f64>,
    /// JSON: where the array of records is (RFC 6901).
    pub records: Option<String>,
    /// Columns that say when, where and in which unit.
    pub columns: Columns,
    /// Columns with values.
    pub values: Vec<ValueColumn>,
}

/// Columns by name, as in the header in any case, or as `#3` by position. Of JSON: members, or a pointer as `/a/b`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Columns {
    /// Date and time.
    pub timestamp: Option<String>,
    /// The date, with [`Columns::time`].
    pub date: Option<String>,
    /// The time of the day.
    pub time: Option<String>,
    /// When the interval starts.
    pub start: Option<String>,
    /// When it ends.
    pub end: Option<String>,
    /// Start and end in one, as `2024-03-01 00:00 to 2024-03-01 01:00`.
    pub period: Option<String>,
    /// The number of the interval of the day, from 1, with [`Columns::date`]: of hours 25 where clocks are set back.
    pub number: Option<String>,
    /// The length of the interval: a number of minutes, or as `PT15M`.
    pub length: Option<String>,
    /// The device.
    pub device: Option<String>,
    /// The site.
    pub site: Option<String>,
    /// The unit of the row's values.
    pub unit: Option<String>,
}

/// A column with values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueColumn {
    /// Its name. With `*` in it, which stands for any text, each column that matches is a device with that text as its name.
    /// Empty where the columns are the intervals of a day.
    #[serde(default)]
    pub column: String,
    /// Columns that are added to it, such as that of a second tariff.
    #[serde(default)]
    pub plus: Vec<String>,
    /// The rows that it is read of; all if it is missing.
    #[serde(default)]
    pub only: Option<Only>,
    /// What it means; `None`: as its unit says.
    #[serde(default)]
    pub quantity: Option<Measure>,
    /// Its unit.
    #[serde(default)]
    pub unit: Option<Unit>,
    /// What is appended to the device's name: `-export` for energy that is fed in.
    #[serde(default)]
    pub channel: String,
}

/// Rows by the text of a column.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Only {
    /// The column.
    pub column: String,
    /// What its text contains.
    pub contains: String,
}

impl Columns {
    fn members(&mut self) -> [&mut Option<String>; 11] {
        let Self { timestamp, date, time, start, end, period, number, length, device, site, unit } =
            self;
        [timestamp, date, time, start, end, period, number, length, device, site, unit]
    }

    /// The names of the columns.
    #[must_use]
    pub fn names(mut self) -> Vec<String> {
        self.members().into_iter().filter_map(Option::take).collect()
    }

    /// Whether one of the columns says when.
    #[must_use]
    pub fn says_when(&self) -> bool {
        let columns = [&self.timestamp, &self.date, &self.start, &self.end, &self.period];
        columns.into_iter().any(Option::is_some)
    }

    /// These columns, and where they name none, those of `other`. Columns of time are of one of both.
    #[must_use]
    pub fn or(mut self, mut other: Self) -> Self {
        if self.says_when() {
            other = Self {
                device: other.device,
                site: other.site,
                unit: other.unit,
                ..Self::default()
            };
        }
        for (mine, others) in self.members().into_iter().zip(other.members()) {
            *mine = mine.take().or_else(|| others.take());
        }
        self
    }
}

impl Shape {
    /// This shape, and where it says nothing, that of `other`: options of the command before a profile.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            kind: other.kind,
            delimiter: self.delimiter.or(other.delimiter),
            skip_lines: self.skip_lines.or(other.skip_lines),
            decimal: self.decimal.or(other.decimal),
            time_format: self.time_format.or(other.time_format),
            zone: self.zone.or(other.zone),
            interval: self.interval.or(other.interval),
            times: self.times.or(other.times),
            unit: self.unit.or(other.unit),
            device: self.device.or(other.device),
            max_power: self.max_power.or(other.max_power),
            records: self.records.or(other.records),
            columns: self.columns.or(other.columns),
            values: if self.values.is_empty() { other.values } else { self.values },
        }
    }
}
