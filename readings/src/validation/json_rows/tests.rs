use super::*;

const PLAIN: &str =
    r#"{"site_id":"s","device_id":"d","power_reading":1.5,"timestamp":"2024-01-15"}"#;

/// For each row the types of its errors, and its line if it has any: that of a valid row is known in some cases only.
fn rows(body: &str) -> Result<Vec<(u64, Vec<&'static str>)>, String> {
    let code = |error: ValidationError| format!("{} {:?}", error.kind.code(), error.location);
    let mut rows = JsonRows::open(body.as_bytes()).map_err(code)?;
    let mut found = Vec::new();
    while let Some(ParsedRow { line, reading, .. }) = rows.next_row().map_err(code)? {
        let errors = reading.err().unwrap_or_default();
        let line = if errors.is_empty() { 0 } else { line };
        found.push((line, errors.iter().map(|error| error.kind.code()).collect()));
    }
    Ok(found)
}

#[test]
fn an_array_and_an_object_with_one_have_the_same_rows() {
    let array = format!("[{PLAIN},\n{{}},\n1 ,{PLAIN}]");
    let missing = || vec!["missing"; 4];
    let expected =
        vec![(0, vec![]), (2, missing()), (3, vec!["model_attributes_type"]), (0, vec![])];
    assert_eq!(rows(&array), Ok(expected.clone()));
    assert_eq!(rows(&format!(r#"{{"a":[],"readings":{array},"b":1}}"#)), Ok(expected.clone()));
    // Of a name that is repeated, the last one counts.
    assert_eq!(rows(&format!(r#"{{"readings":1,"readings":{array}}}"#)), Ok(expected));
    assert_eq!(rows(" [ ] "), Ok(vec![]));
}

#[test]
fn a_value_that_python_writes_is_the_error_of_its_row() {
    let nan = PLAIN.replace("1.5", "NaN");
    let expected = Ok(vec![(0, vec![]), (1, vec!["finite_number"]), (0, vec![])]);
    for body in [format!("[{PLAIN},{nan},{PLAIN}]"), format!("[{PLAIN}, {nan} ,{PLAIN} ]")] {
        assert_eq!(rows(&body), expected);
        assert_eq!(rows(&format!(r#"{{"readings":{body}}}"#)), expected);
    }
}

#[test]
fn an_array_of_four_values_is_no_reading() {
    let row = r#"[["s","d",1.5,"2024-01-15"]]"#;
    assert_eq!(rows(row), Ok(vec![(1, vec!["model_attributes_type"])]));
}

#[test]
fn malformed_json_is_an_error_of_the_body_with_its_place() {
    for (body, expected) in [
        ("", "missing Body"),
        (" ", "missing Body"),
        ("[", "json_invalid Offset(1)"),
        ("[1", "json_invalid Offset(2)"),
        ("[1 2]", "json_invalid Offset(3)"),
        ("[1,]", "json_invalid Offset(3)"),
        ("[1]x", "json_invalid Offset(3)"),
        ("[,1]", "json_invalid Offset(1)"),
        ("[é]", "json_invalid Offset(1)"),
        ("[\n\n1,\nx]", "json_invalid Offset(6)"),
        ("x", "json_invalid Offset(0)"),
        ("1", "list_type Body"),
        ("null", "list_type Body"),
        ("{}", "missing Field(\"readings\")"),
        (r#"{"readings":{}}"#, "list_type Field(\"readings\")"),
        (r#"{"readings":[}"#, "json_invalid Offset(13)"),
    ] {
        assert_eq!(rows(body), Err(expected.to_owned()), "{body}");
    }
}

#[test]
fn a_row_has_at_most_the_bytes_of_a_body() {
    let row = |bytes| PLAIN.replace('{', &format!(r#"{{"x":"{}","#, "x".repeat(bytes)));
    let fits = row(MAX_ROW_BYTES - PLAIN.len() - 7);
    assert_eq!(fits.len(), MAX_ROW_BYTES);
    assert_eq!(rows(&format!("[{fits}]")), Ok(vec![(0, vec![])]));
    let large = row(MAX_ROW_BYTES - PLAIN.len() - 6);
    assert_eq!(rows(&format!("[{large}]")), Ok(vec![(1, vec!["too_long"])]));
}
