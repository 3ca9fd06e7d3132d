//! Where the header of a table is, and what separates its columns.

use std::collections::HashMap;

use super::fields::Splitter;
use super::header::SEPARATORS;
use crate::day_columns::DayColumns;
use crate::error::FileError;
use crate::number::{NumberFormat, is_missing};
use crate::records::names::{names_all, position};
use crate::records::{self, Known};
use crate::shape::Shape;
use crate::text::Text;

/// How many lines of the head are samples. Too low: no day above 12 is among them. Too high: time to split them.
const MAX_SAMPLES: usize = 5_000;

/// The layout of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What separates columns.
    pub separator: char,
    /// The names of the columns; `#1`, `#2` where there is no header.
    pub names: Vec<String>,
    /// The line of the header.
    pub header_line: Option<u64>,
    /// The first line that may be a row.
    pub first_row: u64,
}

impl Layout {
    /// Finds separator and header.
    ///
    /// # Errors
    /// When no line is a header that has the columns of the shape.
    pub fn find(text: &Text, shape: &Shape) -> Result<Self, FileError> {
        let skipped = shape.skip_lines.unwrap_or(0);
        let lines: Vec<_> = text
            .lines()
            .filter(|(number, line)| *number > skipped && !line.trim().is_empty())
            .collect();
        if lines.is_empty() {
            return Err(FileError::shape("the file has no rows"));
        }
        let separators = match (shape.delimiter, declared(&lines)) {
            (Some(separator), _) | (None, Some(separator)) => vec![separator],
            (None, None) => by_columns(&lines),
        };
        let wanted = wanted(shape);
        let found = separators.iter().find_map(|separator| header(&lines, *separator, &wanted));
        found.ok_or_else(|| no_header(&lines, &wanted))
    }

    /// The names, and the rows of the head.
    pub fn known(&self, text: &Text) -> Known {
        let mut splitter = Splitter::new(self.separator);
        let rows = text
            .lines()
            .filter(|(number, line)| *number >= self.first_row && !line.trim().is_empty());
        let samples = rows.take(MAX_SAMPLES).map(|(_, line)| splitter.split(line)).collect();
        Known { names: self.names.clone(), samples, has_semicolons: self.separator == ';' }
    }
}

/// Columns that the header must have, by name.
fn wanted(shape: &Shape) -> Vec<String> {
    let values = shape.values.iter().map(|value| value.column.clone());
    // The columns of the intervals of a day have no name of their own.
    let values = values.filter(|column| !column.is_empty());
    shape.columns.clone().names().into_iter().chain(values).collect()
}

/// The separator of a first line `sep=;`, as Excel writes it.
fn declared(lines: &[(u64, &str)]) -> Option<char> {
    let (_, first) = lines.first()?;
    let separator = first.trim().trim_matches('"').strip_prefix("sep=")?;
    separator.chars().next()
}

/// The separators that lines have, the one first that divides the most lines into an equal number of columns.
fn by_columns(lines: &[(u64, &str)]) -> Vec<char> {
    let mut found: Vec<(usize, char)> = Vec::new();
    for separator in SEPARATORS {
        let mut splitter = Splitter::new(separator);
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for (_, line) in lines.iter().take(200).filter(|(_, line)| line.contains(separator)) {
            *counts.entry(splitter.split(line).len()).or_default() += 1;
        }
        let most =
            counts.into_iter().filter(|(columns, _)| *columns > 1).map(|(_, lines)| lines).max();
        found.extend(most.map(|lines| (lines, separator)));
    }
    // Of equal ones the more usual one: the sort is stable.
    found.sort_by_key(|(lines, _)| std::cmp::Reverse(*lines));
    found.into_iter().map(|(_, separator)| separator).collect()
}

/// The header with the wanted columns; where none are wanted, the first line of names that a line with values follows.
fn header(lines: &[(u64, &str)], separator: char, wanted: &[String]) -> Option<Layout> {
    let mut splitter = Splitter::new(separator);
    let by_position = !wanted.is_empty() && wanted.iter().all(|name| name.starts_with('#'));
    if by_position {
        return without_names(lines, &mut splitter, separator, wanted);
    }
    let split: Vec<_> =
        lines.iter().map(|(number, line)| (*number, splitter.split(line))).collect();
    let is_header = |place: usize, fields: &Vec<String>| {
        if !wanted.is_empty() {
            return names_all(fields, wanted);
        }
        if DayColumns::find(fields).is_some() {
            return true;
        }
        let next = split.get(place + 1..).unwrap_or_default().iter().take(3);
        are_names(fields)
            && next.into_iter().any(|(_, next)| is_as_wide(next, fields) && has_value(next))
    };
    let mut headers =
        split.iter().enumerate().filter(|(place, (_, fields))| is_header(*place, fields));
    // A line before the header may look like one, too, but names no time.
    let with_time = headers.clone().find(|(_, (_, fields))| records::name_a_time(fields));
    let (_, (number, names)) = with_time.or_else(|| headers.next())?;
    Some(Layout {
        separator,
        names: names.clone(),
        header_line: Some(*number),
        first_row: number + 1,
    })
}

/// A table without a header: all columns are chosen by position.
fn without_names(
    lines: &[(u64, &str)],
    splitter: &mut Splitter,
    separator: char,
    wanted: &[String],
) -> Option<Layout> {
    let (first_row, line) = lines.iter().find(|(_, line)| line.contains(separator))?;
    let count = splitter.split(line).len();
    let names: Vec<_> = (1..=count).map(|number| format!("#{number}")).collect();
    let has_all =
        wanted.iter().all(|name| position(&names, name).is_some_and(|place| place < count));
    has_all.then_some(Layout { separator, names, header_line: None, first_row: *first_row })
}

fn are_names(fields: &[String]) -> bool {
    let is_name =
        |text: &String| text.is_empty() || (text.contains(char::is_alphabetic) && !is_value(text));
    fields.len() > 1
        && fields.iter().all(is_name)
        && fields.iter().filter(|text| !text.is_empty()).count() > 1
}

/// Whether a line has no more columns than the header, apart from separators at the end.
fn is_as_wide(line: &[String], header: &[String]) -> bool {
    let width =
        |fields: &[String]| fields.iter().rposition(|text| !text.is_empty()).map_or(0, |at| at + 1);
    (2..=width(header)).contains(&width(line))
}

fn has_value(fields: &[String]) -> bool {
    fields.iter().any(|text| is_value(text))
}

fn is_value(text: &str) -> bool {
    let is_number = NumberFormat::default().parse(text).is_ok()
        || text.starts_with(|sign: char| sign.is_ascii_digit());
    is_number && !is_missing(text)
}

fn no_header(lines: &[(u64, &str)], wanted: &[String]) -> FileError {
    let wanted = if wanted.is_empty() {
        String::new()
    } else {
        format!(" with the columns `{}`", wanted.join("`, `"))
    };
    let first: String = lines.first().map_or("", |(_, line)| line).chars().take(120).collect();
    let question = format!("no line is a header{wanted}; the first line is `{first}`");
    FileError::unclear(question, "--profile NAME, --delimiter, --skip-lines or --map")
}
