//! The fields of a record that have values.

use crate::error::RowError;
use crate::number::{NumberFormat, is_missing};
use crate::shape::unit::{Measure, Unit};
use crate::value::Quantity;

/// A field with values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueField {
    /// Where it is.
    pub place: usize,
    /// The fields that are added to it.
    pub plus: Vec<usize>,
    /// The field whose text decides whether a record is read, and what it contains.
    pub only: Option<(usize, String)>,
    /// The device of its values, if not that of the record.
    pub device: Option<String>,
    /// Its name.
    pub name: String,
    /// What it means; `None`: power or energy, as the unit of the row says.
    pub measure: Option<Measure>,
    /// Its unit; `None`: that of the row.
    pub unit: Option<Unit>,
    /// How its numbers are written.
    pub format: NumberFormat,
    /// What is appended to the device's name.
    pub channel: String,
}

impl ValueField {
    /// Whether a record has a value of it.
    pub fn is_in(&self, fields: &[String]) -> bool {
        self.only.as_ref().is_none_or(|(place, text)| {
            fields.get(*place).is_some_and(|field| field.contains(text))
        })
    }

    /// The quantity; `None` if there is no value, or none of a field that is added.
    ///
    /// # Errors
    /// When the text is no number, or the unit of the row is unknown.
    pub fn quantity(
        &self,
        fields: &[String],
        unit: Option<&str>,
    ) -> Result<Option<Quantity>, RowError> {
        let places = std::iter::once(&self.place).chain(&self.plus);
        let texts: Vec<_> =
            places.map(|place| fields.get(*place).map_or("", String::as_str)).collect();
        if texts.iter().any(|text| is_missing(text)) {
            return Ok(None);
        }
        let wrong = |reason| RowError::new(&self.name, reason);
        let unit = match (self.unit, unit) {
            (Some(unit), _) => unit,
            (None, Some(text)) => {
                text.parse().map_err(|rule| wrong(format!("the unit `{text}` {rule}")))?
            }
            (None, None) => return Err(wrong("the row has no unit".to_owned())),
        };
        // A number may be followed by its unit.
        let name = unit.to_string();
        let number =
            |text: &&str| self.format.parse(text.strip_suffix(name.as_str()).unwrap_or(text));
        let number: f64 = texts.iter().map(number).sum::<Result<_, _>>().map_err(wrong)?;
        let measure =
            self.measure.unwrap_or(if unit.is_energy() { Measure::Energy } else { Measure::Power });
        let quantity = unit.quantity(number, measure);
        quantity
            .map(Some)
            .ok_or_else(|| wrong(format!("the unit {unit} does not fit a column of {measure:?}")))
    }
}
