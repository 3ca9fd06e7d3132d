//! Checks of the head of a request that RFC 9112 requires and hyper leaves to the server.

use std::borrow::Cow;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode, Uri, Version};
use poem::http::HeaderMap;
use poem::http::header::{HOST, TRANSFER_ENCODING};

use crate::error_code::ErrorCode;
use crate::head_only::HeadOnly;

/// The largest head of a request, and the size of the read buffer. Too low and clients with many cookies get 431;
/// too high and many connections at once fill the memory.
pub(super) const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Routes `HEAD` as `GET`, whose response it has without the body (RFC 9110, 9.3.2); hyper omits the body.
pub(super) fn route_as_get(request: &mut Request<Incoming>) {
    if request.method() == Method::HEAD {
        *request.method_mut() = Method::GET;
        request.extensions_mut().insert(HeadOnly);
    }
}

/// The error of a request that must be rejected whatever its path.
pub(super) fn validate(
    request: &Request<Incoming>,
) -> Option<(StatusCode, ErrorCode, &'static str)> {
    let (headers, version) = (request.headers(), request.version());
    if version == Version::HTTP_11 && !has_one_host(headers) {
        return Some((
            StatusCode::BAD_REQUEST,
            ErrorCode::MalformedRequest,
            "An HTTP/1.1 request names one host in `Host`",
        ));
    }
    (!is_identity_or_chunked(headers)).then_some((
        StatusCode::NOT_IMPLEMENTED,
        ErrorCode::UnsupportedTransferCoding,
        "A body may be sent in chunks, but not otherwise coded: `Transfer-Encoding: chunked`",
    ))
}

/// RFC 9112, 3.2: exactly one `Host`, which is a host and a port, or empty.
fn has_one_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (host, another) = (hosts.next(), hosts.next());
    let is_of_host =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]%".contains(byte);
    host.is_some_and(|host| host.as_bytes().iter().all(is_of_host)) && another.is_none()
}

/// RFC 9112, 6.1: `chunked` is the only supported transfer coding. hyper checks only the last one.
fn is_identity_or_chunked(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let (coding, another) = (codings.next(), codings.next());
    coding.is_none_or(|coding| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"))
        && another.is_none()
}

/// Decodes percent-encoded unreserved characters, which RFC 3986 (6.2.2.2) declares equivalent.
pub(super) fn normalize_path(request: &mut Request<Incoming>) {
    let path = request.uri().path();
    if let Cow::Owned(path) = decode_unreserved(path)
        && let Some(uri) = with_path(request.uri(), path)
    {
        *request.uri_mut() = uri;
    }
}

fn with_path(uri: &Uri, mut path: String) -> Option<Uri> {
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path.try_into().ok()?);
    Uri::from_parts(parts).ok()
}

fn decode_unreserved(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut parts = path.split('%');
    let mut normal = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // Not an escape: with what is decoded behind it, it could become one (`%%36%31`).
        let Some(byte) = part.get(..2).and_then(hexadecimal) else { return Cow::Borrowed(path) };
        if is_unreserved(byte) {
            normal.push(byte.into());
            normal.push_str(part.get(2..).unwrap_or_default());
        } else {
            normal.push('%');
            normal.push_str(part);
        }
    }
    if normal.len() == path.len() { Cow::Borrowed(path) } else { Cow::Owned(normal) }
}

/// The byte of two hexadecimal digits.
fn hexadecimal(digits: &str) -> Option<u8> {
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// RFC 3986, 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&'static str]) -> HeaderMap {
        let name = poem::http::HeaderName::from_static(name);
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_request_names_one_host() {
        for host in ["a", "a.example:8000", "[::1]:8000", "127.0.0.1", "", "site_1.local"] {
            assert!(has_one_host(&headers("host", &[host])), "{host:?}");
        }
        for hosts in [&[][..], &["a", "a"], &["a", "b"], &["a, b"], &["a/b"], &["user@a"]] {
            assert!(!has_one_host(&headers("host", hosts)), "{hosts:?}");
        }
    }

    #[test]
    fn a_body_is_chunked_or_not_coded() {
        for codings in [&[][..], &["chunked"], &["Chunked"], &["chunked "]] {
            let headers = headers("transfer-encoding", codings);
            assert!(is_identity_or_chunked(&headers), "{codings:?}");
        }
        for codings in [&["gzip, chunked"][..], &["gzip", "chunked"], &["chunked, chunked"], &[""]]
        {
            let headers = headers("transfer-encoding", codings);
            assert!(!is_identity_or_chunked(&headers), "{codings:?}");
        }
    }

    #[test]
    fn percent_encoded_unreserved_characters_are_decoded() {
        for (escaped, normal) in [
            ("/%72eadings", "/readings"),
            ("/%72%65adings", "/readings"),
            ("/sites/%61%2Fb%7e/readings", "/sites/a%2Fb~/readings"),
            ("/sites/%2e%2E/readings", "/sites/../readings"),
            ("/sites/%C3%A9/readings", "/sites/%C3%A9/readings"),
            ("/sites/%25%36%31/readings", "/sites/%2561/readings"),
            ("/%", "/%"),
            ("/%4", "/%4"),
            ("/%+1", "/%+1"),
            ("/%zz%é", "/%zz%é"),
            ("/%%36%31", "/%%36%31"),
        ] {
            assert_eq!(decode_unreserved(escaped), normal);
        }
    }
}
