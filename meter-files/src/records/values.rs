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
    /// The quantity; `None` if there is no value.
    ///
    /// # Errors
    /// When the text is no number, or the unit of the row is unknown.
    pub fn quantity(
        &self,
        fields: &[String],
        unit: Option<&str>,
    ) -> Result<Option<Quantity>, RowError> {
        let text = fields.get(self.place).map_or("", String::as_str);
        if is_missing(text) {
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
        let number = text.strip_suffix(name.as_str()).unwrap_or(text);
        let number = self.format.parse(number).map_err(wrong)?;
        let measure =
            self.measure.unwrap_or(if unit.is_energy() { Measure::Energy } else { Measure::Power });
        let quantity = unit.quantity(number, measure);
        quantity
            .map(Some)
            .ok_or_else(|| wrong(format!("the unit {unit} does not fit a column of {measure:?}")))
    }
}
