//! Headers of every response that restrict what a browser does with it.

use poem::http::header::{REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use poem::http::{HeaderMap, HeaderValue};

/// No guessing of types: a stored text cannot be run as a script. nginx of the frontend image sends the same.
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// The path of a page names a site: other origins are not sent it.
const REFERRER: HeaderValue = HeaderValue::from_static("same-origin");

/// Adds them.
pub(crate) fn add(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(REFERRER_POLICY, REFERRER);
}

/// The same as lines of a head, for responses that are written by hand.
pub(crate) const LINES: &str =
    "x-content-type-options: nosniff\r\nreferrer-policy: same-origin\r\n";
