//! Which field is what: from the shape, the names, and the first records.

use std::fmt::Write;

use super::names::{between, device, position};
use super::values::ValueField;
use super::when::{TimeFields, When};
use super::{Known, roles};
use crate::error::{FileError, RowError};
use crate::number::{NumberFormat, is_missing};
use crate::shape::duration::Interval;
use crate::shape::unit::Measure;
use crate::shape::{Columns, Decimal, Shape, Times, ValueColumn};
use crate::time::clock::{Clock, Order};
use crate::time::format::TimeFormat;
use crate::time::zone::Zone;
use crate::understood::Understood;
use crate::value::{Content, Value};

/// The settings that errors name.
const MAP: &str =
    "--map timestamp=COLUMN,power=COLUMN (or energy=, counter=, date=, time=, start=, end=)";
const TIMES: &str = "--times start|end";

/// How a record is read.
pub struct Plan {
    when: When,
    values: Vec<ValueField>,
    device: Option<usize>,
    site: Option<usize>,
    unit: Option<usize>,
}

/// What was decided about times.
struct TimePlan {
    when: When,
    order: Order,
    zone: String,
}

impl Plan {
    /// Decides what each field is.
    ///
    /// # Errors
    /// When a field is missing, or its meaning is unclear.
    pub fn find(known: &Known, shape: &Shape) -> Result<(Self, Understood), FileError> {
        let columns = if shape.columns.says_when() {
            shape.columns.clone()
        } else {
            shape.columns.clone().or(roles::columns(&known.names))
        };
        let place =
            |column: &Option<String>| column.as_ref().map(|name| known.place(name)).transpose();
        let (device, site, unit) =
            (place(&columns.device)?, place(&columns.site)?, place(&columns.unit)?);
        let fields = known.time_fields(&columns)?;
        let format = known.time_format(&fields, shape)?;
        let (order, step) = known.steps(&fields, &format, device);
        let values = known.values(shape, unit.is_some(), order)?;
        let time = known.time_plan(
            shape,
            &columns,
            (fields, format),
            (order, step),
            needs_interval(&values, shape, unit, known),
        )?;
        let understood = understood(known, &values, &time, (device, site));
        Ok((Self { when: time.when, values, device, site, unit }, understood))
    }

    /// The values of a record.
    ///
    /// # Errors
    /// When one of its fields cannot be read.
    pub fn content(&mut self, fields: &[String]) -> Result<Content, RowError> {
        let Some(first) = self.values.iter().find(|value| value.is_in(fields)) else {
            return Ok(Content::Ignored);
        };
        // A sentence between rows is no row.
        if fields.len() == 1 && first.place > 0 {
            return Ok(Content::Ignored);
        }
        let field = |place: Option<usize>| {
            place.and_then(|place| fields.get(place)).filter(|text| !text.is_empty()).cloned()
        };
        let (site, unit) = (field(self.site), field(self.unit));
        let device = field(self.device).map(|text| device(&text));
        let channel = if first.only.is_some() { first.channel.as_str() } else { "" };
        let clock = format!("{}{channel}", device.as_deref().unwrap_or_default());
        if !self.when.is_in(fields) {
            return Ok(Content::Ignored);
        }
        let interval = self.when.interval(&clock, fields);
        let mut quantities = Vec::with_capacity(self.values.len());
        let mut missing = 0;
        for field in self.values.iter().filter(|value| value.is_in(fields)) {
            match field.quantity(fields, unit.as_deref())? {
                None => missing += 1,
                Some(quantity) => quantities.push((field, quantity)),
            }
        }
        // A table has rows also for the hour that clocks leave out, without values.
        if quantities.is_empty() {
            return Ok(Content::Values { values: Vec::new(), missing });
        }
        let (start, length) = interval?;
        let value = |(field, quantity): (&ValueField, _)| {
            let device = field.device.clone().or_else(|| device.clone());
            let (site, channel) = (site.clone(), field.channel.clone());
            Value { site, device, channel, start, length, quantity }
        };
        Ok(Content::Values { values: quantities.into_iter().map(value).collect(), missing })
    }
}

/// Whether a length of intervals is needed: for energy always, for power where the shape has one.
fn needs_interval(
    values: &[ValueField],
    shape: &Shape,
    unit: Option<usize>,
    known: &Known,
) -> bool {
    let is_energy_by_row = || {
        let mut units = unit.into_iter().flat_map(|place| known.column(place));
        units.any(|text| text.parse().is_ok_and(crate::shape::unit::Unit::is_energy))
    };
    let needs = |value: &ValueField| match value.measure {
        Some(Measure::Energy | Measure::Mean) => true,
        Some(Measure::Power) => shape.interval.is_some(),
        Some(Measure::Counter) => false,
        None => is_energy_by_row() || shape.interval.is_some(),
    };
    values.iter().any(needs)
}

impl Known {
    fn place(&self, column: &str) -> Result<usize, FileError> {
        position(&self.names, column).ok_or_else(|| {
            FileError::unclear(
                format!("there is no column `{column}`; there are {}", self.shown()),
                MAP,
            )
        })
    }

    fn shown(&self) -> String {
        /// How many names an error shows.
        const SHOWN: usize = 12;
        let names: Vec<_> = self.names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
        let more = if self.names.len() > SHOWN { ", …" } else { "" };
        format!("{}{more}", names.join(", "))
    }

    fn time_fields(&self, columns: &Columns) -> Result<TimeFields, FileError> {
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

    fn time_format(&self, fields: &TimeFields, shape: &Shape) -> Result<TimeFormat, FileError> {
        if let Some(name) = &shape.time_format {
            return TimeFormat::named(name)
                .map_err(|rule| FileError::shape(format!("--time-format {rule}")));
        }
        let texts: Vec<_> = self.samples.iter().map(|sample| fields.text(sample)).collect();
        TimeFormat::infer(texts.iter().map(String::as_str))
    }

    fn zone(
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

    fn time_plan(
        &self,
        shape: &Shape,
        columns: &Columns,
        (fields, format): (TimeFields, TimeFormat),
        (order, step): (Order, Option<chrono::TimeDelta>),
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

    fn values(
        &self,
        shape: &Shape,
        has_unit_column: bool,
        order: Order,
    ) -> Result<Vec<ValueField>, FileError> {
        let columns =
            if shape.values.is_empty() { self.inferred_values()? } else { shape.values.clone() };
        let columns = columns.into_iter().flat_map(|column| self.matching(column));
        columns
            .map(|(column, device)| {
                let field = self.value_field(&column, shape, has_unit_column, order)?;
                Ok(ValueField { device, ..field })
            })
            .collect()
    }

    /// The columns that a name with `*` stands for, each with the device that it names; the column itself without one.
    fn matching(&self, column: ValueColumn) -> Vec<(ValueColumn, Option<String>)> {
        let named = |name: &String| {
            let device = between(name, &column.column)?.to_owned();
            Some((ValueColumn { column: name.clone(), ..column.clone() }, Some(device)))
        };
        let found: Vec<_> = self.names.iter().filter_map(named).collect();
        if found.is_empty() { vec![(column, None)] } else { found }
    }

    fn inferred_values(&self) -> Result<Vec<ValueColumn>, FileError> {
        let candidates = roles::candidates(&self.names);
        let (exports, imports): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|one| one.is_export);
        if imports.len() + exports.len() == 0 || imports.len() > 1 || exports.len() > 1 {
            let question =
                format!("it is unclear which column has the values, of {}", self.shown());
            return Err(FileError::unclear(question, MAP));
        }
        let has_both = !imports.is_empty();
        let column = |one: roles::Candidate| ValueColumn {
            column: one.name,
            channel: if one.is_export && has_both { "-export".to_owned() } else { String::new() },
            ..ValueColumn::default()
        };
        Ok(imports.into_iter().chain(exports).map(column).collect())
    }

    fn value_field(
        &self,
        column: &ValueColumn,
        shape: &Shape,
        has_unit_column: bool,
        order: Order,
    ) -> Result<ValueField, FileError> {
        let ValueColumn { column: name, plus, only, quantity, unit, channel } = column;
        let place = self.place(name)?;
        let plus = plus.iter().map(|name| self.place(name)).collect::<Result<Vec<_>, _>>()?;
        let only = only
            .as_ref()
            .map(|only| Ok((self.place(&only.column)?, only.contains.clone())))
            .transpose()?;
        let name = self.names.get(place).unwrap_or(name).clone();
        let unit = unit.or(shape.unit).or_else(|| roles::unit(&name));
        if unit.is_none() && !has_unit_column {
            let question = format!("the unit of the column `{name}` is unknown");
            return Err(FileError::unclear(question, "--unit W|kW|Wh|kWh"));
        }
        let format = if let Some(decimal) = shape.decimal {
            NumberFormat::of(decimal)
        } else {
            let places = std::iter::once(&place).chain(&plus);
            let texts = places.flat_map(|place| self.column(*place));
            let texts = texts.filter(|text| !is_missing(text) && starts_as_number(text));
            NumberFormat::infer(&name, texts, self.has_semicolons)?
        };
        let measure = match (quantity, unit) {
            (Some(quantity), _) => Some(*quantity),
            (None, Some(unit)) if unit.is_energy() => {
                Some(self.energy_measure(&name, place, format, order)?)
            }
            (None, Some(unit)) => roles::measure(unit),
            (None, None) => None,
        };
        check_unit(&name, unit, measure)?;
        let channel = channel.clone();
        Ok(ValueField { place, plus, only, device: None, name, measure, unit, format, channel })
    }

    fn energy_measure(
        &self,
        name: &str,
        place: usize,
        format: NumberFormat,
        order: Order,
    ) -> Result<Measure, FileError> {
        let numbers: Vec<f64> =
            self.column(place).filter_map(|text| format.parse(text).ok()).collect();
        if self.is_counter(&numbers, order) == Some(false) {
            return Ok(Measure::Energy);
        }
        let question = format!(
            "it is unclear whether `{name}` is energy of an interval or a counter that only increases"
        );
        Err(FileError::unclear(question, "--map energy=COLUMN or --map counter=COLUMN"))
    }
}

fn check_unit(
    name: &str,
    unit: Option<crate::shape::unit::Unit>,
    measure: Option<Measure>,
) -> Result<(), FileError> {
    let (Some(unit), Some(measure)) = (unit, measure) else { return Ok(()) };
    if unit.quantity(0.0, measure).is_some() {
        return Ok(());
    }
    let question =
        format!("the column `{name}` is {measure:?}, which has not the unit {unit}").to_lowercase();
    Err(FileError::unclear(question, "--unit W|kW|Wh|kWh"))
}

fn starts_as_number(text: &str) -> bool {
    text.starts_with(|sign: char| sign.is_ascii_digit() || "+-.,".contains(sign))
}

fn understood(
    known: &Known,
    values: &[ValueField],
    time: &TimePlan,
    (device, site): (Option<usize>, Option<usize>),
) -> Understood {
    let name =
        |place: usize| known.names.get(place).cloned().unwrap_or_else(|| format!("#{}", place + 1));
    let when = &time.when;
    let mut columns = vec![match when.fields {
        TimeFields::One(place) => format!("`{}` is the time", name(place)),
        TimeFields::Two(date, clock) => {
            format!("`{}` and `{}` are date and time", name(date), name(clock))
        }
        TimeFields::StartAndEnd(start, end) => {
            format!("`{}` and `{}` are start and end", name(start), name(end))
        }
        TimeFields::Period(place) => format!("`{}` is the interval", name(place)),
        TimeFields::Numbered(date, number) => {
            format!(
                "`{}` and `{}` are the date and the number of the interval",
                name(date),
                name(number)
            )
        }
    }];
    columns.extend(values.iter().map(shown_value));
    let others = [(device, "device"), (site, "site")].into_iter();
    columns.extend(
        others.filter_map(|(place, what)| Some(format!("`{}` is the {what}", name(place?)))),
    );
    let order = if time.order == Order::NewestFirst { ", the newest first" } else { "" };
    let times = format!("times are written as {} {}{order}", when.format, time.zone);
    let labels = if when.labels == Times::End { "end" } else { "start" };
    let interval = match (when.length.and_then(Interval::new), &when.fields) {
        (Some(length), _) => format!("intervals of {length}, of which times are the {labels}"),
        (None, TimeFields::StartAndEnd(..) | TimeFields::Period(_)) => {
            "intervals from start to end".to_owned()
        }
        (None, _) if when.length_field.is_some() => {
            format!("times are the {labels} of an interval, whose length is in its row")
        }
        (None, _) => "each time is an instant".to_owned(),
    };
    Understood { columns, times, interval, ..Understood::default() }
}

fn shown_value(value: &ValueField) -> String {
    let measure = match value.measure {
        Some(Measure::Power) => "power",
        Some(Measure::Mean) => "mean power of the interval",
        Some(Measure::Energy) => "energy of the interval",
        Some(Measure::Counter) => "a counter of energy",
        None => "the value",
    };
    let unit = value.unit.map_or_else(|| "the unit of its row".to_owned(), |unit| unit.to_string());
    let mut text = format!("`{}` is {measure} in {unit}", value.name);
    if !value.channel.is_empty() {
        // Writing to a string never fails.
        let _ = write!(text, " of the device with `{}`", value.channel);
    }
    if value.format.decimal() == Some(Decimal::Comma) {
        text.push_str(" with a decimal comma");
    }
    text
}
