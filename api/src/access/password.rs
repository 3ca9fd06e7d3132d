//! Passwords of clients of `InfluxDB`, which are API keys: version 1 has users, and no tokens.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use poem::Request;
use poem::http::header::AUTHORIZATION;

use crate::paths::is_of_influx;

/// The password of a request to a path of such clients: that of `Basic` (RFC 7617), that of `Token user:password`, or,
/// without any `Authorization`, the parameter `p`. The name of the user does not matter. `None` where the request has
/// another authorization, or none.
pub(super) fn of(request: &Request) -> Option<Cow<'_, str>> {
    if !is_of_influx(request.uri().path()) {
        return None;
    }
    let mut sent = request.headers().get_all(AUTHORIZATION).iter();
    let (Some(first), another) = (sent.next(), sent.next()) else { return parameter(request) };
    let credentials = first.to_str().ok().filter(|_| another.is_none())?;
    let (scheme, value) = credentials.split_once(' ')?;
    let value = value.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("Basic") {
        let decoded = String::from_utf8(BASE64_STANDARD.decode(value).unwrap_or_default());
        return Some(behind_colon(&decoded.unwrap_or_default()).to_owned().into());
    }
    let has_user = scheme.eq_ignore_ascii_case("Token") && value.contains(':');
    has_user.then(|| behind_colon(value).into())
}

/// What is behind the first colon; empty without one, which is no API key.
fn behind_colon(text: &str) -> &str {
    text.split_once(':').map_or("", |(_, password)| password)
}

fn parameter(request: &Request) -> Option<Cow<'_, str>> {
    let query = request.uri().query()?;
    let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = serde_urlencoded::from_str(query).ok()?;
    pairs.into_iter().find(|(name, _)| name == "p").map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(uri: &str, authorization: &[&str]) -> Option<String> {
        let mut request = Request::builder().uri(uri.parse().unwrap());
        for value in authorization {
            request = request.header(AUTHORIZATION, *value);
        }
        of(&request.finish()).map(Cow::into_owned)
    }

    #[test]
    fn the_password_of_a_user_is_found_where_clients_of_version_1_send_it() {
        // printf user:pa:ss | base64
        for (uri, authorization, expected) in [
            ("/write", &["Basic dXNlcjpwYTpzcw=="][..], Some("pa:ss")),
            ("/query", &["basic dXNlcjpwYTpzcw=="], Some("pa:ss")),
            ("/api/v2/write", &["Token user:pass"], Some("pass")),
            ("/write?u=user&p=pa%20ss&db=x", &[], Some("pa ss")),
            ("/write?p=pass", &["Bearer enp_a_b"], None),
            ("/write?p=pass", &["Token enp_a_b"], None),
            ("/write?db=x", &[], None),
            ("/write", &["Basic é"], None),
            ("/write", &["Basic %%%"], Some("")),
            ("/readings", &["Basic dXNlcjpwYTpzcw=="], None),
            ("/readings?p=pass", &[], None),
        ] {
            assert_eq!(
                password(uri, authorization).as_deref(),
                expected,
                "{uri} {authorization:?}"
            );
        }
        assert_eq!(password("/write", &["Token a:b", "Token a:b"]), None);
    }
}
