//! What a request needs: the one table of the guard and of the OpenAPI documents.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use poem::http::Method;

use super::scope::Scope;

/// The scope that a request needs; `None` if it needs no key. What is not listed needs [`Scope::Operate`].
///
/// The method of `HEAD` is `GET` here, as everywhere behind the server.
pub(crate) fn required_scope(method: &Method, path: &str) -> Option<Scope> {
    // A path with a trailing slash is redirected to the path without it.
    let path = path.strip_suffix('/').unwrap_or(path);
    match (method.as_str(), path) {
        ("GET", "/health" | "/livez" | "/readyz" | "/docs" | "/openapi.json" | "/ping") => None,
        (
            "POST",
            "/readings" | "/readings/batch" | "/api/v1/write" | "/api/v2/write" | "/write",
        )
        // Statements of clients that write: nothing is read or changed by them.
        | ("GET" | "POST", "/query") => Some(Scope::Write),
        ("GET", path) if path == SITES || site_segment(path).is_some() => Some(Scope::Read),
        _ => Some(Scope::Operate),
    }
}

const SITES: &str = "/sites";

/// The site that a path names, if it is the path of one. Invalid UTF-8 is replaced, which no operation accepts.
pub(super) fn site_of(path: &str) -> Option<Cow<'_, str>> {
    site_segment(path).map(|segment| percent_decode_str(segment).decode_utf8_lossy())
}

/// The segment of a path below `/sites`, as it was sent.
fn site_segment(path: &str) -> Option<&str> {
    path.strip_prefix(SITES)?.strip_prefix('/')?.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_that_is_not_listed_needs_operate() {
        for (method, path, scope) in [
            ("GET", "/health", None),
            ("GET", "/livez/", None),
            ("GET", "/docs", None),
            ("POST", "/health", Some(Scope::Operate)),
            ("POST", "/readings", Some(Scope::Write)),
            ("POST", "/readings/", Some(Scope::Write)),
            ("POST", "/readings/batch", Some(Scope::Write)),
            ("POST", "/api/v2/write", Some(Scope::Write)),
            ("POST", "/write", Some(Scope::Write)),
            ("GET", "/write", Some(Scope::Operate)),
            ("GET", "/query", Some(Scope::Write)),
            ("GET", "/ping", None),
            ("GET", "/readings", Some(Scope::Operate)),
            ("POST", "/readings/x", Some(Scope::Operate)),
            ("GET", "/sites", Some(Scope::Read)),
            ("GET", "/sites/a/readings", Some(Scope::Read)),
            ("GET", "/sites//readings", Some(Scope::Read)),
            ("DELETE", "/sites/a", Some(Scope::Operate)),
            ("GET", "/sitesx", Some(Scope::Operate)),
            ("GET", "/SITES", Some(Scope::Operate)),
            ("GET", "/metrics", Some(Scope::Operate)),
            ("GET", "/pipeline", Some(Scope::Operate)),
            ("DELETE", "/dead-letters/1-0", Some(Scope::Operate)),
            ("GET", "/", Some(Scope::Operate)),
            ("OPTIONS", "*", Some(Scope::Operate)),
            ("GET", "", Some(Scope::Operate)),
            ("GET", "/%68ealth", Some(Scope::Operate)),
            ("GET", "/health/../metrics", Some(Scope::Operate)),
        ] {
            let method = method.parse().unwrap();
            assert_eq!(required_scope(&method, path), scope, "{method} {path}");
        }
    }

    #[test]
    fn the_site_of_a_path_is_decoded_once() {
        for (path, site) in [
            ("/sites/a/readings", Some("a")),
            ("/sites/a%2Fb/readings", Some("a/b")),
            ("/sites/%252F", Some("%2F")),
            ("/sites//readings", Some("")),
            ("/sites/%FF", Some("\u{fffd}")),
            ("/sites", None),
            ("/sitesx/a", None),
            ("/pipeline", None),
        ] {
            assert_eq!(site_of(path).as_deref(), site, "{path}");
        }
    }
}
