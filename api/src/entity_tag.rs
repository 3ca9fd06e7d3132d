//! Entity tags (RFC 9110, 8.8.3) of responses that a client may keep, and the requests that name them.

use poem::Response;
use poem::http::{HeaderValue, StatusCode, header};

/// A client keeps the response and asks whether it is unchanged before it uses it again.
pub(crate) const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// The tag of `opaque`, which has visible ASCII characters and neither a comma nor a quotation mark; weak, since the
/// compressed response has the same.
pub(crate) fn weak(opaque: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("W/\"{opaque}\"")).ok()
}

/// Whether `If-None-Match` names a tag of [`weak`]; weakly, as RFC 9110 (13.1.2) compares it.
pub(crate) fn is_named(if_none_match: &HeaderValue, tag: &HeaderValue) -> bool {
    let mut tags = if_none_match.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let opaque = |tag: &'_ [u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_owned();
    tags.any(|other| other == b"*" || opaque(other) == opaque(tag.as_bytes()))
}

/// The response with its tag; 304 without a body if `if_none_match` names it.
pub(crate) fn tagged(
    mut response: Response,
    tag: HeaderValue,
    if_none_match: Option<&HeaderValue>,
) -> Response {
    if if_none_match.is_some_and(|tags| is_named(tags, &tag)) {
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.set_status(StatusCode::NOT_MODIFIED);
        response.set_body(());
    }
    response.headers_mut().insert(header::ETAG, tag);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_named_alone_in_a_list_or_by_a_star() {
        let tag = weak("abc").unwrap();
        assert_eq!(tag, "W/\"abc\"");
        for known in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            assert!(is_named(&HeaderValue::from_static(known), &tag), "{known}");
        }
        for unknown in ["", "abc", "\"abcd\"", "\"x\", \"y\""] {
            assert!(!is_named(&HeaderValue::from_static(unknown), &tag), "{unknown}");
        }
    }
}
