//! Which field is what: from the shape, the names, and the first records.

use super::describe::understood;
use super::known::Known;
use super::names::device;
use super::roles;
use super::values::ValueField;
use super::when::When;
use crate::error::{FileError, RowError};
use crate::shape::Shape;
use crate::shape::unit::Measure;
use crate::understood::Understood;
use crate::value::{Content, Value};

/// How a record is read.
pub struct Plan {
    when: When,
    values: Vec<ValueField>,
    device: Option<usize>,
    site: Option<usize>,
    unit: Option<usize>,
}

impl Plan {
    /// Decides what each field is.
    ///
    /// # Errors
    /// When a field is missing, or its meaning is unclear.
    pub fn find(known: &Known, shape: &Shape) -> Result<(Self, Understood), FileError> {
        if known.samples.is_empty() {
            return Err(FileError::shape("the file has a header and no rows"));
        }
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
