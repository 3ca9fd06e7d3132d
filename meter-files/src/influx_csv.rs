//! Annotated CSV of `InfluxDB`: tables one after the other, each with annotations and a header of its own.
//!
//! Source: the documentation of `InfluxDB`, annotated CSV. Lines with `#` are annotations. A later table may have its columns in another
//! order; its rows are read by the names of the first one.

use std::collections::BTreeSet;

use crate::error::FileError;
use crate::records::names::{plain, position};
use crate::records::{Known, Record, Records};
use crate::shape::Shape;
use crate::table::{Rows, Table};
use crate::text::Text;
use crate::value::Opened;

/// The columns by which the header of a table is found.
const HEADER: [&str; 2] = ["result", "table"];
/// The column with the name of what was measured.
const FIELD: &str = "_field";

/// Reads the rows of all tables.
///
/// # Errors
/// When there is no header, when it has values of several fields, or it is unclear what a column is.
pub fn open(text: Text, shape: &Shape) -> Result<Opened, FileError> {
    let Table { mut known, rows, layout } = Table::find(text, shape)?;
    known.samples.retain(|fields| !is_annotation(fields) && !is_header(fields));
    check_fields(&known)?;
    let rows = Tables { rows, names: known.names.clone(), places: None };
    layout.open(&known, shape, rows)
}

/// Volts beside watts would be taken for power.
fn check_fields(known: &Known) -> Result<(), FileError> {
    let Some(place) = position(&known.names, FIELD) else { return Ok(()) };
    let fields: BTreeSet<_> = known.column(place).filter(|name| !name.is_empty()).collect();
    if fields.len() < 2 {
        return Ok(());
    }
    let names = fields.into_iter().collect::<Vec<_>>().join("`, `");
    let question = format!("the file has values of several fields, `{names}`");
    Err(FileError::unclear(
        question,
        "a profile with `only = { column = \"_field\", contains = \"…\" }`: --profile FILE.toml",
    ))
}

fn is_annotation(fields: &[String]) -> bool {
    fields.first().is_some_and(|first| first.starts_with('#'))
}

fn is_header(fields: &[String]) -> bool {
    HEADER.iter().all(|name| fields.iter().any(|field| plain(field) == *name))
}

/// The rows of all tables, in the order of columns of the first one.
struct Tables {
    rows: Rows,
    names: Vec<String>,
    /// Where the columns of the first table are in this one, if not at the same places.
    places: Option<Vec<Option<usize>>>,
}

impl Records for Tables {
    fn next_record(&mut self) -> Result<Option<Record>, FileError> {
        while let Some(Record { line, text, fields }) = self.rows.next_record()? {
            if is_annotation(&fields) {
                continue;
            }
            if is_header(&fields) {
                self.places = Some(self.names.iter().map(|name| position(&fields, name)).collect());
                continue;
            }
            let fields = match &self.places {
                None => fields,
                Some(places) => places
                    .iter()
                    .map(|place| {
                        place.and_then(|place| fields.get(place)).cloned().unwrap_or_default()
                    })
                    .collect(),
            };
            return Ok(Some(Record { line, text, fields }));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::value::{Content, Quantity};

    const FIRST: &str = "#group,false,false,true,true\n#datatype,string,long,dateTime:RFC3339,double\n#default,_result,,,\n\
                         ,result,table,_time,_value\n,,0,2024-03-30T00:00:00Z,512.5\n\n";

    fn shape() -> Shape {
        Shape {
            unit: Some("W".parse().unwrap()),
            ..toml::from_str("values = [{ column = '_value' }]\ncolumns = { timestamp = '_time' }")
                .unwrap()
        }
    }

    fn read(text: String) -> Result<Vec<Quantity>, FileError> {
        let (mut reader, _) = open(Text::read(Cursor::new(text.into_bytes())).unwrap(), &shape())?;
        let contents = std::iter::from_fn(|| reader.next_row().unwrap()).map(|row| row.content);
        Ok(contents
            .flat_map(|content| match content {
                Content::Values { values, .. } => values,
                other => panic!("{other:?}"),
            })
            .map(|value| value.quantity)
            .collect())
    }

    #[test]
    fn a_later_table_has_its_columns_in_another_order() {
        let second = "#group,false,false,true,true\n#default,_result,,,\n,result,table,_value,_time\n,,1,7,2024-03-30T00:10:00Z\n";
        assert_eq!(
            read(format!("{FIRST}{second}")).unwrap(),
            [Quantity::Watts(512.5), Quantity::Watts(7.0)]
        );
    }

    #[test]
    fn values_of_several_fields_are_not_taken_for_one() {
        let text = ",result,table,_time,_value,_field\n,,0,2024-03-30T00:00:00Z,512,power\n,,1,2024-03-30T00:00:00Z,230,voltage\n";
        let error = read(text.to_owned()).expect_err("two fields").to_string();
        assert!(error.contains("`power`, `voltage`") && error.contains("--profile"), "{error}");
    }
}
