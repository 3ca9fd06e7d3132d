//! The formats of the readings of a site: JSON, NDJSON and CSV.

use std::borrow::Cow;

use csv_core::{Terminator, WriteResult, Writer, WriterBuilder};
use poem::Request;
use poem::http::header;
use poem_openapi::registry::MetaSchema;
use readings::SiteId;
use readings::store::codec::StoredReading;
use readings::store::packed::PackedMembers;
use serde_json::{Value, json};

use crate::parameter::{Parameter, ParameterError};
use crate::weighted_items::weighted_items;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadingsFormat {
    /// One object with all readings (RFC 8259).
    Json,
    /// A line for each reading, each an object.
    Ndjson,
    /// A line for each reading, after a header (RFC 4180).
    Csv,
}

use ReadingsFormat::{Csv, Json, Ndjson};

/// The formats by their names in `format`.
const NAMES: [(&str, ReadingsFormat); 3] = [("json", Json), ("ndjson", Ndjson), ("csv", Csv)];

/// The columns of CSV: the members of a reading, in their order.
const HEADER: [&str; 6] =
    ["stream_id", "site_id", "device_id", "power_reading", "timestamp", "ingested_at"];

/// A text that begins with one of these is a formula for a spreadsheet (OWASP: CSV injection).
const FORMULA_SIGNS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The format that the request names; `None` without one.
pub(super) struct FormatName;

impl Parameter for FormatName {
    type Value = Option<ReadingsFormat>;

    const LOCATION: [&'static str; 2] = ["query", "format"];

    fn schema() -> MetaSchema {
        let enum_items = NAMES.map(|(name, _)| json!(name)).to_vec();
        MetaSchema { enum_items, ..MetaSchema::new("string") }
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        let Some(text) = text else { return Ok(None) };
        let named = NAMES.into_iter().find(|(name, _)| *name == text);
        named.map(|(_, format)| Some(format)).ok_or_else(|| {
            let expected = "'json', 'ndjson' or 'csv'";
            let message = format!("Input should be {expected}");
            let context = Some(json!({ "expected": expected }));
            ParameterError { code: "literal_error", message, context }
        })
    }
}

impl ReadingsFormat {
    /// The media type of the body.
    pub const fn content_type(self) -> &'static str {
        match self {
            Json => "application/json",
            Ndjson => "application/x-ndjson",
            Csv => "text/csv; charset=utf-8",
        }
    }

    /// The format that `Accept` prefers of those that it names; JSON when it names none.
    pub fn accepted(request: &Request) -> Self {
        let mut best = (Json, 0.0);
        for (name, weight) in weighted_items(request.headers(), header::ACCEPT) {
            if let Some(format) = named_format(&name).filter(|_| weight > best.1) {
                best = (format, weight);
            }
        }
        best.0
    }

    /// Appends what is before the first reading.
    pub fn begin(self, site: &SiteId, body: &mut Vec<u8>) {
        match self {
            Json => {
                body.extend_from_slice(b"{\"site_id\":");
                body.extend_from_slice(json!(site.as_str()).to_string().as_bytes());
                body.extend_from_slice(b",\"readings\":[");
            }
            Ndjson => {}
            Csv => append_record(&HEADER.map(Cow::Borrowed), body),
        }
    }

    /// Appends a reading, which is a valid member.
    pub fn append(self, member: &[u8], is_first: bool, body: &mut Vec<u8>) {
        match self {
            Json => {
                if !is_first {
                    body.push(b',');
                }
                body.extend_from_slice(member);
            }
            Ndjson => append_line(member, body),
            Csv => {
                // Err: never, the reader leaves invalid members out.
                if let Ok(reading) = StoredReading::from_member(member) {
                    append_record(&reading.texts().map(without_formula), body);
                }
            }
        }
    }

    /// Appends the readings of a packed day. Each of them is one line.
    pub fn append_day(self, day: &PackedMembers, is_first: bool, body: &mut Vec<u8>) {
        match self {
            Json => {
                let Some(members) = day.text().strip_suffix(b"\n") else { return };
                if !is_first {
                    body.push(b',');
                }
                let start = body.len();
                body.extend_from_slice(members);
                // Without branches: many bytes at a time.
                for byte in body.get_mut(start..).unwrap_or_default() {
                    *byte = if *byte == b'\n' { b',' } else { *byte };
                }
            }
            Ndjson => body.extend_from_slice(day.text()),
            Csv => day.iter().for_each(|member| self.append(member, false, body)),
        }
    }

    /// Appends what is after the last reading.
    pub fn end(self, next_cursor: Option<&str>, body: &mut Vec<u8>) {
        if self != Json {
            return;
        }
        body.push(b']');
        if let Some(cursor) = next_cursor {
            body.extend_from_slice(format!(",\"next_cursor\":\"{cursor}\"").as_bytes());
        }
        body.push(b'}');
    }
}

/// The format that a media range names; `None` for other ranges.
fn named_format(range: &str) -> Option<ReadingsFormat> {
    match range {
        "application/json" => Some(Json),
        "application/x-ndjson" => Some(Ndjson),
        "text/csv" => Some(Csv),
        _ => None,
    }
}

fn append_line(member: &[u8], body: &mut Vec<u8>) {
    if !member.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        body.extend_from_slice(member);
    } else if let Ok(value) = serde_json::from_slice::<Value>(member) {
        // Another program wrote it on several lines. Err: never, the reader leaves invalid members out.
        body.extend_from_slice(value.to_string().as_bytes());
    }
    body.push(b'\n');
}

fn without_formula(text: Cow<'_, str>) -> Cow<'_, str> {
    // A negative number is no formula.
    let is_text = text.parse::<f64>().is_err();
    if is_text && text.starts_with(FORMULA_SIGNS) { format!("'{text}").into() } else { text }
}

fn append_record(fields: &[Cow<'_, str>; 6], body: &mut Vec<u8>) {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).build();
    for (n, field) in fields.iter().enumerate() {
        if n > 0 {
            append(body, |output| writer.delimiter(output));
        }
        append_field(&mut writer, field.as_bytes(), body);
    }
    append(body, |output| writer.terminator(output));
}

fn append_field(writer: &mut Writer, mut field: &[u8], body: &mut Vec<u8>) {
    append(body, |output| {
        let (result, read, written) = writer.field(field, output);
        field = field.get(read..).unwrap_or_default();
        (result, written)
    });
}

/// Appends what a step of the writer puts out, until it has no more.
fn append(body: &mut Vec<u8>, mut step: impl FnMut(&mut [u8]) -> (WriteResult, usize)) {
    let mut output = [0; 512];
    loop {
        let (result, written) = step(&mut output);
        body.extend_from_slice(output.get(..written).unwrap_or_default());
        if result == WriteResult::InputEmpty {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(device: &str) -> String {
        format!(
            r#"{{"stream_id": "1-0", "site_id": "s", "device_id": {}, "power_reading": -1500.0, "timestamp": "2024-01-15", "ingested_at": "t"}}"#,
            json!(device)
        )
    }

    fn line(device: &str) -> String {
        let mut body = Vec::new();
        Csv.append(member(device).as_bytes(), true, &mut body);
        String::from_utf8(body).unwrap()
    }

    #[test]
    fn csv_quotes_what_needs_quotes_and_makes_no_formulas() {
        assert_eq!(line("meter"), "1-0,s,meter,-1500.0,2024-01-15,t\r\n");
        assert_eq!(line("a,\"b"), "1-0,s,\"a,\"\"b\",-1500.0,2024-01-15,t\r\n");
        for formula in ["=1+1", "+1+1", "-1+1", "@SUM(A1)"] {
            assert_eq!(line(formula), format!("1-0,s,'{formula},-1500.0,2024-01-15,t\r\n"));
        }
        let long = "x".repeat(2_000);
        assert!(line(&long).contains(&format!(",{long},")));
    }

    #[test]
    fn a_member_of_several_lines_is_one_line_of_ndjson() {
        let mut body = Vec::new();
        Ndjson.append(member("m").replace(", ", ",\n").as_bytes(), true, &mut body);
        assert_eq!(str::from_utf8(&body).unwrap().lines().count(), 1);
    }

    #[test]
    fn accept_chooses_the_format_only_by_name() {
        let format = |accept: &str| {
            let request = Request::builder().header(header::ACCEPT, accept).finish();
            ReadingsFormat::accepted(&request)
        };
        for (accept, expected) in [
            ("*/*", Json),
            ("text/html, application/xml;q=0.9, */*;q=0.8", Json),
            ("text/*", Json),
            ("text/csv", Csv),
            ("application/x-ndjson", Ndjson),
            ("application/json, text/csv", Json),
            ("application/json;q=0.5, text/csv", Csv),
            ("text/csv;q=0", Json),
        ] {
            assert_eq!(format(accept), expected, "{accept}");
        }
    }
}
