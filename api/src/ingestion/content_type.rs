//! The media type of a body, as `Content-Type` names it.

use poem::http::{HeaderMap, header};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// As the original decides it: `application/json` or `application/…+json`, or no type at all.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// RFC 4180 with a header.
    Csv,
}

impl Format {
    /// By what is before the first `;`, whatever parameters follow (RFC 9110, 8.3.1): the text is UTF-8. `None` for
    /// other types.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else { return Some(Self::Json) };
        let essence = value.as_bytes().split(|byte| *byte == b';').next()?.trim_ascii();
        // The usual one, without allocating its lower case.
        if essence == b"application/json" {
            return Some(Self::Json);
        }
        match essence.to_ascii_lowercase().as_slice() {
            b"application/x-ndjson" | b"application/ndjson" => Some(Self::Ndjson),
            b"text/csv" => Some(Self::Csv),
            essence => {
                let subtype = essence.strip_prefix(b"application/")?;
                (subtype == b"json" || subtype.ends_with(b"+json")).then_some(Self::Json)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn format(content_type: &[u8]) -> Option<Format> {
        let value = HeaderValue::from_bytes(content_type).unwrap();
        Format::of(&HeaderMap::from_iter([(header::CONTENT_TYPE, value)]))
    }

    #[test]
    fn json_is_application_json_and_whatever_ends_with_plus_json() {
        for yes in [
            "application/json",
            "application/json; charset=utf-8",
            "application/json ; charset=utf-8",
            "application/json\t;charset=\"utf-8\"",
            " application/json;",
            "application/json;;",
            "application/json; charset",
            "application/json; note=\"a;b\"; x=y",
            "application/vnd.meter+json",
            "application/vnd.meter+json ;version=2",
            "APPLICATION/JSON",
        ] {
            assert_eq!(format(yes.as_bytes()), Some(Format::Json), "{yes}");
        }
        for no in [
            "text/plain",
            "text/plain; application/json",
            "text/json",
            "application/xml",
            "",
            ";",
            "application/x-www-form-urlencoded",
            "application /json",
            "json",
        ] {
            assert_eq!(format(no.as_bytes()), None, "{no}");
        }
        assert_eq!(format(b"text/plain; x=\xe9"), None);
        assert_eq!(Format::of(&HeaderMap::new()), Some(Format::Json));
    }

    #[test]
    fn ndjson_and_csv_are_named_by_their_types() {
        for (text, expected) in [
            ("application/x-ndjson", Format::Ndjson),
            ("Application/NDJSON; charset=utf-8", Format::Ndjson),
            ("text/csv; header=present", Format::Csv),
        ] {
            assert_eq!(format(text.as_bytes()), Some(expected), "{text}");
        }
    }
}
