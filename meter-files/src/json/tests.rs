use std::io::Cursor;

use serde_json::json;

use super::*;
use crate::shape::{Columns, ValueColumn};
use crate::value::{Content, Quantity, Value as Measured};

fn shape(timestamp: &str, value: &str) -> Shape {
    let column = ValueColumn {
        column: value.to_owned(),
        unit: Some("kWh".parse().unwrap()),
        ..ValueColumn::default()
    };
    Shape {
        columns: Columns { timestamp: Some(timestamp.to_owned()), ..Columns::default() },
        values: vec![column],
        interval: Some("30m".parse().unwrap()),
        times: Some(crate::shape::Times::Start),
        ..Shape::default()
    }
}

fn text_of(text: &str) -> Text {
    Text::read(Cursor::new(text.to_owned().into_bytes())).unwrap()
}

fn contents(text: &str, shape: &Shape) -> Vec<Content> {
    let (mut reader, _) = open(text_of(text), shape).unwrap();
    std::iter::from_fn(|| reader.next_row().unwrap()).map(|row| row.content).collect()
}

fn values(text: &str, shape: &Shape) -> Vec<Measured> {
    let contents = contents(text, shape).into_iter();
    contents
        .flat_map(
            |content| {
                if let Content::Values { values, .. } = content { values } else { Vec::new() }
            },
        )
        .collect()
}

fn error(text: &str, shape: &Shape) -> String {
    open(text_of(text), shape).err().expect("an error").to_string()
}

const T: &str = "2024-03-30T00:00:00Z";

#[test]
fn records_are_found_in_an_array_in_objects_and_one_after_the_other() {
    let record = json!({ "t": T, "v": 0.5 });
    let texts = [
        json!([record]).to_string(),
        json!({ "count": 1, "results": [record] }).to_string(),
        json!({ "data": { "homes": [{ "id": 1, "nodes": [record, record] }] } }).to_string(),
        format!("{record}\n{record}\n"),
    ];
    for text in texts {
        let found = values(&text, &shape("t", "v"));
        assert!(!found.is_empty(), "{text}");
        assert_eq!(found[0].quantity, Quantity::WattHours(500.0), "{text}");
    }
}

#[test]
fn a_nested_member_has_a_pointer_and_an_array_has_positions() {
    let nested =
        json!({ "data": [{ "time": T, "power": { "grid": { "energy": 2 } } }] }).to_string();
    assert_eq!(
        values(&nested, &shape("time", "/power/grid/energy"))[0].quantity,
        Quantity::WattHours(2000.0)
    );
    let pairs = json!([[T, 1], [T, null]]).to_string();
    let found = contents(&pairs, &shape("#1", "#2"));
    assert!(matches!(&found[0], Content::Values { values, missing: 0 } if values.len() == 1));
    assert!(matches!(&found[1], Content::Values { values, missing: 1 } if values.is_empty()));
}

#[test]
fn all_records_share_the_values_around_them() {
    let mut shape = shape("t", "v");
    shape.columns.device = Some("/meter/id".to_owned());
    let text = json!({ "meter": { "id": "M1" }, "values": [{ "t": T, "v": 1 }] }).to_string();
    assert_eq!(values(&text, &shape)[0].device.as_deref(), Some("M1"));
}

#[test]
fn which_of_several_series_is_meant_is_not_guessed() {
    let record = json!({ "t": T, "v": 1 });
    let text = json!({ "import": [record, record], "export": [record] }).to_string();
    let unclear = error(&text, &shape("t", "v"));
    assert!(
        unclear.contains("`/import` and `/export`") && unclear.contains("--profile"),
        "{unclear}"
    );
    let chosen = Shape { records: Some("/export".to_owned()), ..shape("t", "v") };
    assert_eq!(values(&text, &chosen).len(), 1);
    assert!(
        error(&text, &Shape { records: Some("/x".to_owned()), ..chosen })
            .contains("no array at `/x`")
    );
}

#[test]
fn a_text_that_is_no_json_or_has_no_records_is_an_error() {
    assert!(error("[{\"t\": 1}", &shape("t", "v")).contains("no valid JSON"));
    assert!(error("{\"t\": [1, 2]}", &shape("t", "v")).contains("no array of records"));
    assert!(error("", &shape("t", "v")).contains("no rows"));
}
