//! Where readings are posted to.

use std::fmt;
use std::net::IpAddr;

use reqwest::{StatusCode, Url};

use crate::client::response::Oddity;

/// The address of `POST /readings`. Shown without the password that it may hold.
#[derive(Debug, Clone)]
pub struct ServiceUrl {
    readings: Url,
    shown: String,
}

impl ServiceUrl {
    /// The Ingestion API on this machine.
    pub const STANDARD: &str = "http://localhost:8000";

    /// Reads the base URL, to which `/readings` is appended. A variable that is set to nothing counts
    /// as unset, as Compose files and charts set them so.
    ///
    /// # Errors
    /// When it is no `http://` or `https://` URL.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = if text.is_empty() { Self::STANDARD } else { text };
        let mut base = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or("must be a URL that begins with http:// or https://")?;
        base.set_query(None);
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        let mut readings = base.clone();
        readings.set_path(&format!("{path}/readings"));
        Ok(Self { readings, shown: without_credentials(base) })
    }

    /// Where readings are posted to.
    pub fn readings(&self) -> &Url {
        &self.readings
    }

    /// Whether it is [`Self::STANDARD`].
    pub fn is_standard(&self) -> bool {
        self.shown == Self::STANDARD
    }

    /// Whether there is a user or a password in it.
    pub fn has_credentials(&self) -> bool {
        !self.readings.username().is_empty() || self.readings.password().is_some()
    }

    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.readings.scheme() == "https"
    }

    /// Whether the service is on this machine.
    pub fn is_on_this_machine(&self) -> bool {
        let host = self.readings.host_str().unwrap_or_default();
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        ip.map_or(host == "localhost" || host.ends_with(".localhost"), |ip| ip.is_loopback())
    }

    /// What to do when something answers there that is no Ingestion API.
    pub fn no_service(&self, oddity: &Oddity) -> String {
        let (readings, reason) = (format!("{self}/readings"), &oddity.reason);
        if let Some(location) = &oddity.location {
            let base = location.trim_end_matches('/');
            let base = base.strip_suffix("/readings").unwrap_or(base);
            return format!("{readings}: {reason}, which leads to {location}; try --url {base}");
        }
        if matches!(oddity.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return format!(
                "{readings}: {reason}; a gateway there wants credentials, which may be in the URL: \
                 https://user:password@host"
            );
        }
        if oddity.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return format!(
                "{readings}: {reason}; the proxy wants credentials, which may be in HTTP_PROXY: \
                 http://user:password@proxy"
            );
        }
        format!(
            "{readings}: {reason}, so there is no Ingestion API; --url is the Ingestion API's, such as \
             {}, or the web page's with /api, such as http://localhost:3000/api{}",
            Self::STANDARD,
            if oddity.status == StatusCode::BAD_REQUEST { self.other_scheme() } else { "" }
        )
    }

    /// What may be meant when client and server do not understand each other.
    pub fn other_scheme(&self) -> &'static str {
        if self.is_encrypted() {
            " (should it begin with http://?)"
        } else {
            " (should it begin with https://?)"
        }
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

fn without_credentials(mut url: Url) -> String {
    // Err: the URL can have none.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(base: &str) -> String {
        ServiceUrl::parse(base).expect(base).readings().to_string()
    }

    #[test]
    fn readings_is_appended_to_the_base_of_a_service_or_a_page() {
        for (base, expected) in [
            ("http://localhost:8000", "http://localhost:8000/readings"),
            ("http://localhost:8000/", "http://localhost:8000/readings"),
            ("http://localhost:3000/api", "http://localhost:3000/api/readings"),
            ("https://example.org/energy/api/?x=1#y", "https://example.org/energy/api/readings"),
            ("http://[::1]:8000", "http://[::1]:8000/readings"),
            ("", "http://localhost:8000/readings"),
        ] {
            assert_eq!(readings(base), expected);
        }
    }

    fn advice(base: &str, status: StatusCode, location: Option<&str>) -> String {
        let (reason, location) = ("the service answers".to_owned(), location.map(str::to_owned));
        ServiceUrl::parse(base).unwrap().no_service(&Oddity { status, reason, location })
    }

    #[test]
    fn what_the_url_should_be_is_said_where_there_is_no_service() {
        let moved = advice(
            "http://example.org/api",
            StatusCode::PERMANENT_REDIRECT,
            Some("https://example.org/api/readings"),
        );
        assert!(moved.ends_with("try --url https://example.org/api"), "{moved}");
        let page = advice("http://example.org", StatusCode::METHOD_NOT_ALLOWED, None);
        assert!(page.starts_with("http://example.org/readings: the service answers"), "{page}");
        assert!(page.contains("no Ingestion API") && page.contains("with /api"), "{page}");
        let plain = advice("http://example.org", StatusCode::BAD_REQUEST, None);
        assert!(plain.contains("https://?"), "{plain}");
        let guarded = advice("http://example.org", StatusCode::UNAUTHORIZED, None);
        assert!(guarded.contains("user:password"), "{guarded}");
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        for base in ["localhost:8000", "ftp://localhost", "/readings", "http://", "http://a b"] {
            let rule = ServiceUrl::parse(base).expect_err(base);
            assert!(rule.contains("http://"), "{rule}");
        }
    }

    #[test]
    fn a_password_is_sent_but_never_shown() {
        let url = ServiceUrl::parse("https://meter:secret@example.org/api").unwrap();
        assert_eq!(url.to_string(), "https://example.org/api");
        assert_eq!(url.readings().password(), Some("secret"));
    }

    #[test]
    fn loopback_addresses_are_on_this_machine() {
        for (base, here) in [
            ("http://localhost:8000", true),
            ("http://127.0.0.2", true),
            ("http://[::1]:1", true),
            ("http://ingestion.localhost", true),
            ("http://localhost.example.org", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(ServiceUrl::parse(base).unwrap().is_on_this_machine(), here, "{base}");
        }
    }
}
