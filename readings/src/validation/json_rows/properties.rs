//! Properties of rows: each has the outcome that it has alone, and any bytes give rows or an error.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::validation::body::parse_reading;
use crate::validation::ndjson_rows::NdjsonRows;

type Outcome = Result<ReadingValues<'static>, Vec<ValidationError>>;

/// A value as it may be found in an array: a reading, nearly one, or another value.
fn any_row() -> impl Strategy<Value = String> {
    let id = prop_oneof!["[a-z]{1,8}", "(?s).{0,4}", "[\\]\\[{},\"]{1,4}"];
    let power = prop_oneof![
        "0|[1-9][0-9]{0,4}",
        "-?(0|[1-9][0-9]{0,2})\\.[0-9]{1,3}",
        "NaN|-Infinity|Infinity|null|\"1\"|1e999"
    ];
    let time = prop_oneof![Just("2024-01-15T10:30:00Z".to_owned()), "[0-9T:Z-]{0,12}"];
    let reading = (id, power, time).prop_map(|(id, power, time)| {
        let (id, time) = (json!(id), json!(time));
        format!("{{\"site_id\": {id},\"device_id\":\"d\",\"power_reading\":{power} ,\"timestamp\":{time}}}")
    });
    let other = "null|1|-0|1\\.5e3|\"a,]\"|true|\\[\\]|\\[1,\\[2\\]\\]|\\{\\}|\\{\"a\":\\[\\]\\}|NaN|-Infinity";
    prop_oneof![4 => reading, 1 => other]
}

fn outcomes(body: &[u8]) -> Result<Vec<Outcome>, ValidationError> {
    let mut rows = JsonRows::open(body)?;
    let mut outcomes = Vec::new();
    while let Some(row) = rows.next_row()? {
        outcomes.push(row.reading.map(ReadingValues::into_owned));
    }
    Ok(outcomes)
}

proptest! {
    #[test]
    fn a_row_of_an_array_or_a_line_has_the_outcome_that_it_has_alone(
        rows in vec(any_row(), 0..8), space in "[ \n\r\t]{0,2}",
    ) {
        let alone: Vec<_> = rows.iter().map(|row| parse_reading(row.as_bytes()).map(ReadingValues::from)).collect();
        let separator = format!("{space},{space}");
        let array = format!("{space}[{space}{}{space}]{space}", rows.join(&separator));
        prop_assert_eq!(outcomes(array.as_bytes()), Ok(alone.clone()), "{}", array);
        let object = format!("{{\"a\":{{\"readings\":[1]}},\"readings\":{array},\"b\":NaN}}");
        prop_assert_eq!(outcomes(object.as_bytes()), Ok(alone.clone()), "{}", object);
        let lines = rows.join("\n");
        let lines = NdjsonRows::new(lines.as_bytes()).map(|row| row.reading.map(ReadingValues::into_owned));
        prop_assert_eq!(lines.collect::<Vec<_>>(), alone);
    }

    #[test]
    fn a_damaged_array_gives_rows_or_an_error(
        rows in vec(any_row(), 0..4), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut body = format!("[{}]", rows.join(",")).into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        let _ = outcomes(&body);
        body.truncate(at);
        prop_assert!(outcomes(&body).is_err());
    }

    #[test]
    fn any_bytes_give_rows_or_an_error(body in vec(any::<u8>(), 0..200)) {
        let _ = outcomes(&body);
        let _ = NdjsonRows::new(&body).count();
    }
}
