//! An origin: scheme, host and port of a web page (RFC 6454).

use std::str::FromStr;

use poem::http::HeaderValue;

/// The syntax of an origin.
const RULE: &str = "must be origins of web pages: scheme and host, with a port if it is not the scheme's own, and \
                    nothing after it, such as https://energy.example.com or http://localhost:5173";

/// An origin as browsers send it: in lower case, without the scheme's own port and without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Whether a header is this origin.
    pub(super) fn is(&self, header: &HeaderValue) -> bool {
        header.as_bytes() == self.0.as_bytes()
    }
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (scheme, host) = text.split_once("://").ok_or(RULE)?;
        let is_of_host = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte)
        };
        let is_host = !host.is_empty() && host.bytes().all(is_of_host);
        let port = default_port(scheme).ok_or(RULE)?;
        if is_host && !host.ends_with(port) { Ok(Self(text.to_owned())) } else { Err(RULE) }
    }
}

/// Whether the origin is the host of the request that it is in. The scheme is not compared: a proxy in front may have
/// ended TLS.
pub(super) fn is_host(origin: &HeaderValue, host: &str) -> bool {
    let Some((scheme, authority)) = origin.to_str().ok().and_then(|text| text.split_once("://"))
    else {
        // `null`: a sandboxed frame, or a file.
        return false;
    };
    let Some(port) = default_port(scheme) else { return false };
    let host = host.strip_suffix(port).unwrap_or(host);
    !authority.is_empty() && authority.eq_ignore_ascii_case(host)
}

/// The port that browsers leave out.
fn default_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "http" => Some(":80"),
        "https" => Some(":443"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_host_with_the_same_name_and_port() {
        for (origin, host, same) in [
            ("http://localhost:3000", "localhost:3000", true),
            ("http://localhost:3000", "LocalHost:3000", true),
            ("https://energy.example", "energy.example", true),
            ("https://energy.example", "energy.example:443", true),
            ("http://energy.example", "energy.example:80", true),
            ("http://[::1]:3000", "[::1]:3000", true),
            ("http://localhost:3000", "localhost:8000", false),
            ("http://localhost", "localhost:3000", false),
            ("https://energy.example", "energy.example:80", false),
            ("http://evil.example", "energy.example", false),
            ("http://energy.example.evil.example", "energy.example", false),
            ("null", "energy.example", false),
            ("null", "null", false),
            ("http://", "", false),
            ("file://energy.example", "energy.example", false),
        ] {
            assert_eq!(is_host(&HeaderValue::from_static(origin), host), same, "{origin} {host}");
        }
    }

    #[test]
    fn only_text_that_browsers_send_is_an_origin() {
        for text in ["https://energy.example", "http://localhost:5173", "http://[::1]:5173"] {
            assert!(text.parse::<Origin>().is_ok_and(|it| it.is(&text.parse().unwrap())), "{text}");
        }
        for text in ["*", "null", "energy.example", "https://", "https://a/", "https://*.a"] {
            assert_eq!(text.parse::<Origin>(), Err(RULE), "{text}");
        }
        for text in ["https://A.example", "https://a:443", "http://a:80", "file://a"] {
            assert_eq!(text.parse::<Origin>(), Err(RULE), "{text}");
        }
    }
}
