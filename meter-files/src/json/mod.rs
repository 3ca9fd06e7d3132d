//! JSON: an array of records, on its own, in objects, or one record after the other.

mod flatten;
mod series;

use serde_json::Value;

use self::flatten::Names;
use crate::error::FileError;
use crate::records::{self, Known, Record, Records};
use crate::shape::{Decimal, Shape};
use crate::text::Text;
use crate::value::Opened;

/// How many records show what the shape does not say. Too low: no day above 12 is among them. Too high: time.
const MAX_SAMPLES: usize = 5_000;

/// Reads the records that the shape names, or the only ones that there are.
///
/// # Errors
/// When the text is no JSON, has no records, or has several series of them.
pub fn open(text: Text, shape: &Shape) -> Result<Opened, FileError> {
    let document = parse(text)?;
    let series = series::find(&document, shape.records.as_deref())?;
    let names = Names::of(&document, series.records);
    let rows: Vec<_> = series.records.iter().map(|record| names.fields(record)).collect();
    let samples = rows.iter().take(MAX_SAMPLES).cloned().collect();
    let known = Known { names: names.into_list(), samples, has_semicolons: false };
    let texts: Vec<_> = series.records.iter().map(ToString::to_string).collect();
    let place = series.pointer.clone();
    let rows =
        Rows { rows: rows.into_iter().zip(texts).collect::<Vec<_>>().into_iter(), number: 0 };
    // The sign of JSON's numbers.
    let shape = Shape { decimal: shape.decimal.or(Some(Decimal::Point)), ..shape.clone() };
    let (reader, mut understood) = records::open(&known, &shape, rows)?;
    understood.kind =
        if place.is_empty() { "JSON".to_owned() } else { format!("JSON, records at `{place}`") };
    Ok((reader, understood))
}

/// One document; of several, as in a file with an object a line, an array of them.
fn parse(text: Text) -> Result<Value, FileError> {
    let text = text.into_document()?;
    let documents = serde_json::Deserializer::from_str(&text).into_iter();
    let documents = documents.collect::<Result<Vec<Value>, _>>();
    let mut documents =
        documents.map_err(|error| FileError::shape(format!("this is no valid JSON: {error}")))?;
    match documents.len() {
        0 => Err(FileError::shape("the file has no rows")),
        1 => Ok(documents.remove(0)),
        _ => Ok(Value::Array(documents)),
    }
}

/// The records, with their texts.
struct Rows {
    rows: std::vec::IntoIter<(Vec<String>, String)>,
    number: u64,
}

impl Records for Rows {
    fn next_record(&mut self) -> Result<Option<Record>, FileError> {
        let Some((fields, text)) = self.rows.next() else { return Ok(None) };
        self.number += 1;
        Ok(Some(Record { line: self.number, text, fields }))
    }
}

#[cfg(test)]
mod tests;
