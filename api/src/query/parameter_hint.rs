//! The hint at a misspelt parameter: unknown ones are ignored, but `star=` in place of `start=` selects all readings.

use poem::Request;
use poem::http::HeaderValue;

use crate::unknown_parameters::misspelt;

/// The parameters of the readings of a site.
const KNOWN: [&str; 7] = ["device_id", "start", "end", "limit", "order", "cursor", "format"];

/// The value of `Warning` (RFC 7234, 5.5), with code 299; `None` without a misspelt parameter. It repeats nothing of the
/// request.
pub(super) fn warning(request: &Request) -> Option<HeaderValue> {
    let meant = misspelt(request, &KNOWN)?;
    let text = format!("299 - \"an unknown parameter was ignored; is `{meant}` meant?\"");
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_resembles_a_known_one_is_hinted_at() {
        let hint = |query: &str| {
            let uri = format!("/sites/s/readings?{query}").parse().unwrap();
            warning(&Request::builder().uri(uri).finish())
        };
        for query in ["star=now-1h", "limti=5", "utm_source=x&device=m"] {
            assert!(hint(query).is_some(), "{query}");
        }
        for query in ["", "start=now-1h&limit=5&device_id=a", "utm_source=x", "site_id=t", "_=1"] {
            assert_eq!(hint(query), None, "{query}");
        }
    }
}
