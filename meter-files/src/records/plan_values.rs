//! Which fields have values, and what these mean.

use super::known::{Known, MAP};
use super::names::between;
use super::roles;
use super::values::ValueField;
use crate::error::FileError;
use crate::number::{NumberFormat, is_missing};
use crate::shape::unit::{Measure, Unit};
use crate::shape::{Shape, ValueColumn};
use crate::time::clock::Order;

impl Known {
    pub(super) fn values(
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
    pub(super) fn matching(&self, column: ValueColumn) -> Vec<(ValueColumn, Option<String>)> {
        let named = |name: &String| {
            let device = between(name, &column.column)?.to_owned();
            Some((ValueColumn { column: name.clone(), ..column.clone() }, Some(device)))
        };
        let found: Vec<_> = self.names.iter().filter_map(named).collect();
        if found.is_empty() { vec![(column, None)] } else { found }
    }

    pub(super) fn inferred_values(&self) -> Result<Vec<ValueColumn>, FileError> {
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

    pub(super) fn value_field(
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

    pub(super) fn energy_measure(
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

fn check_unit(name: &str, unit: Option<Unit>, measure: Option<Measure>) -> Result<(), FileError> {
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
