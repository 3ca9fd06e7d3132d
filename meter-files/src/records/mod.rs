//! Records with named fields: lines of a table, objects of JSON. They are read alike.

mod describe;
mod known;
mod length;
pub mod names;
mod plan;
mod plan_times;
mod plan_values;
mod roles;
mod samples;
mod values;
mod when;

pub use self::known::Known;
use self::plan::Plan;
use crate::error::FileError;
use crate::shape::Shape;
use crate::value::{Content, Opened, Reader, Row};

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its line, or its number where records have no lines of their own; from 1.
    pub line: u64,
    /// Its text, as it is shown when it is rejected.
    pub text: String,
    /// The fields in the order of the names, without white space around them; may be fewer.
    pub fields: Vec<String>,
}

/// Yields the records of a file, after its header.
pub trait Records: Send {
    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// When the rest of the file cannot be read.
    fn next_record(&mut self) -> Result<Option<Record>, FileError>;
}

/// Finds out which field is what, and reads the records.
///
/// # Errors
/// When a field is missing, or it is unclear what it means.
pub fn open(
    known: &Known,
    shape: &Shape,
    records: impl Records + 'static,
) -> Result<Opened, FileError> {
    let (plan, understood) = Plan::find(known, shape)?;
    Ok((Box::new(RecordReader { records, plan }), understood))
}

/// Whether one of these names is that of a time.
#[must_use]
pub fn name_a_time(names: &[String]) -> bool {
    roles::columns(names).says_when()
}

struct RecordReader<R> {
    records: R,
    plan: Plan,
}

impl<R: Records> Reader for RecordReader<R> {
    fn next_row(&mut self) -> Result<Option<Row>, FileError> {
        let Some(record) = self.records.next_record()? else { return Ok(None) };
        let content = self.plan.content(&record.fields).unwrap_or_else(Content::Invalid);
        let Record { line, text, .. } = record;
        Ok(Some(Row { line, text, content }))
    }
}
