//! Days: tables with a day in a row, and a column for each interval of it.
//!
//! Such a row becomes a record for each interval, with the columns that the row has for all of them. Columns with times of the
//! day denote local times. Columns with numbers count the intervals from local midnight on, so that a day has 46 or
//! 50 half-hours where clocks are changed.

mod unfold;

use self::unfold::Unfolded;
use crate::day_columns::DayColumns;
use crate::error::FileError;
use crate::shape::Shape;
use crate::table::Table;
use crate::table::header;
use crate::text::Text;
use crate::value::Opened;

/// How many lines may be before the header. Too low: a preamble hides it. Too high: time for each file of another kind.
const MAX_PREAMBLE: usize = 50;

/// Whether a text is a table of days.
pub fn is_table_of_days(text: &Text) -> bool {
    text.lines()
        .take(MAX_PREAMBLE)
        .any(|(_, line)| header::splits(line).any(|names| DayColumns::find(&names).is_some()))
}

/// Reads the days of a table.
///
/// # Errors
/// When there is no column of the date, or it is unclear what the values are.
pub fn open(text: Text, shape: &Shape) -> Result<Opened, FileError> {
    let Table { known, rows, layout } = Table::find(text, shape)?;
    let columns = DayColumns::find(&known.names)
        .ok_or_else(|| FileError::shape("there are no columns of intervals"))?;
    let count = columns.places.len();
    let intervals = Unfolded::new(columns, &known, shape, rows)?;
    let (known, shape) = (intervals.known(&known), intervals.shape(shape));
    let (reader, mut understood) = layout.open(&known, &shape, intervals)?;
    understood.notes.push(format!("a row is a day, with {count} columns of intervals"));
    Ok((reader, understood))
}
