//! `--map`: which column is what.

use std::str::FromStr;

use super::unit::Measure;
use super::{Columns, ValueColumn};

/// Columns by their meaning, as `timestamp=Date,power=Watts`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnMap {
    /// When and where.
    pub columns: Columns,
    /// The values.
    pub values: Vec<ValueColumn>,
    text: String,
}

/// The meanings of columns.
const NAMES: &str =
    "timestamp, date, time, start, end, power, energy, counter, export, device, site or unit";

impl ColumnMap {
    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    fn set(&mut self, name: &str, column: &str) -> Result<(), String> {
        let columns = &mut self.columns;
        let member = match name {
            "timestamp" => &mut columns.timestamp,
            "date" => &mut columns.date,
            "time" => &mut columns.time,
            "start" => &mut columns.start,
            "end" => &mut columns.end,
            "device" => &mut columns.device,
            "site" => &mut columns.site,
            "unit" => &mut columns.unit,
            _ => return self.add_value(name, column),
        };
        match member.replace(column.to_owned()) {
            Some(_) => Err(format!("`{name}` is given twice")),
            None => Ok(()),
        }
    }

    fn add_value(&mut self, name: &str, column: &str) -> Result<(), String> {
        let (quantity, channel) = match name {
            "power" => (Some(Measure::Power), ""),
            "energy" => (Some(Measure::Energy), ""),
            "counter" => (Some(Measure::Counter), ""),
            "export" => (None, "-export"),
            _ => return Err(format!("`{name}` must be {NAMES}")),
        };
        let (column, channel) = (column.to_owned(), channel.to_owned());
        if self.values.iter().any(|value| value.channel == channel) {
            return Err(format!("`{name}` is a second column of values for one device"));
        }
        self.values.push(ValueColumn { column, quantity, channel, ..ValueColumn::default() });
        Ok(())
    }
}

impl FromStr for ColumnMap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut map = Self { text: text.to_owned(), ..Self::default() };
        for part in text.split(',') {
            let pair = part.split_once('=').map(|(name, column)| (name.trim(), column.trim()));
            let (name, column) = pair
                .filter(|(_, column)| !column.is_empty())
                .ok_or_else(|| format!("`{part}` must be written as NAME=COLUMN"))?;
            map.set(name, column)?;
        }
        Ok(map)
    }
}
