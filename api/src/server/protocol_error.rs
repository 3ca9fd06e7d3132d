//! Responses to bytes that are not a valid request. hyper sends them without calling the service, and with a status
//! only: they are replaced by responses with an error body.

use std::io::IoSlice;

use bytes::Bytes;
use poem::http::StatusCode;
use poem_openapi::types::ToJSON;

use super::request_head::MAX_HEAD_BYTES;
use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;
use crate::middleware::new_request_id;
use crate::request_span;
use crate::security_headers;

/// A response in place of one of hyper.
pub(super) struct ProtocolErrorResponse {
    /// The bytes that are not sent yet.
    pub bytes: Bytes,
    /// The number of bytes to report to hyper as sent.
    pub replaces: usize,
}

/// Whether these bytes are a response of hyper itself: all others have a request id.
pub(super) fn is_from_hyper(bufs: &[IoSlice<'_>]) -> bool {
    const ID: &[u8] = b"x-request-id: ";
    let head = bufs.first().map(|buf| &**buf).unwrap_or_default();
    head.starts_with(b"HTTP/1.1 4") && !head.windows(ID.len()).any(|part| part == ID)
}

impl ProtocolErrorResponse {
    /// The response in place of hyper's.
    pub fn replacing(hypers: &[IoSlice<'_>], line_received: bool) -> Self {
        let replaces = hypers.iter().map(|buf| buf.len()).sum();
        let head = hypers.first().map(|buf| String::from_utf8_lossy(buf)).unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = match status.unwrap_or(StatusCode::BAD_REQUEST) {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if !line_received => {
                StatusCode::URI_TOO_LONG
            }
            status => status,
        };
        let date = head.lines().find(|line| line.starts_with("date:"));
        Self { bytes: response(status, date), replaces }
    }
}

/// The response to a head that did not arrive completely in time.
pub(super) fn header_timeout() -> Bytes {
    response(StatusCode::REQUEST_TIMEOUT, None)
}

fn response(status: StatusCode, date: Option<&str>) -> Bytes {
    request_span::count_protocol_error(status);
    let id = new_request_id();
    let (code, detail) = error(status);
    let body = ErrorBody::new(code, detail).with_request_id(&id).to_json_string();
    let date = date.map(|line| format!("{line}\r\n")).unwrap_or_default();
    let mut head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-request-id: ",
        body.len()
    )
    .into_bytes();
    head.extend_from_slice(id.as_bytes());
    head.extend_from_slice(
        format!("\r\n{}connection: close\r\n{date}\r\n{body}", security_headers::LINES).as_bytes(),
    );
    head.into()
}

fn error(status: StatusCode) -> (ErrorCode, String) {
    match status {
        StatusCode::REQUEST_TIMEOUT => {
            (ErrorCode::HeaderTimeout, "The head of the request took too long to arrive".to_owned())
        }
        StatusCode::URI_TOO_LONG => (
            ErrorCode::UriTooLong,
            format!("The request line has more than {MAX_HEAD_BYTES} bytes"),
        ),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
            ErrorCode::HeadersTooLarge,
            format!(
                "The head of the request has more than {MAX_HEAD_BYTES} bytes, or more than 100 fields"
            ),
        ),
        _ => (ErrorCode::MalformedRequest, "The request is not valid HTTP/1.1".to_owned()),
    }
}
