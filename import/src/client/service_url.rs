//! The URL of the service.

use std::fmt;
use std::net::IpAddr;

use reqwest::{StatusCode, Url};

use crate::client::batch_response::MAX_BATCH_SIZE;
use crate::client::key_rejection::{self, rejects_credentials};
use crate::client::response::UnexpectedResponse;

/// The URL of `POST /readings`. Displayed without credentials.
#[derive(Debug, Clone)]
pub struct ServiceUrl {
    readings: Url,
    batch: Url,
    display: String,
}

impl ServiceUrl {
    /// The Ingestion API on this machine.
    pub const DEFAULT: &str = "http://localhost:8000";

    /// Parses a base URL, and appends `/readings`. The empty string is the default: Compose files and charts set
    /// variables to it.
    ///
    /// # Errors
    /// When it is not an `http://` or `https://` URL.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = if text.is_empty() { Self::DEFAULT } else { text };
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
        let mut batch = base.clone();
        batch.set_path(&format!("{path}/readings/batch"));
        batch.set_query(Some(&format!("max_errors={MAX_BATCH_SIZE}")));
        Ok(Self { readings, batch, display: without_credentials(base) })
    }

    /// The URL that readings are posted to.
    pub fn readings(&self) -> &Url {
        &self.readings
    }

    /// The URL that batches are posted to: the errors of all rows are wanted.
    pub fn batch(&self) -> &Url {
        &self.batch
    }

    /// Whether it is [`Self::DEFAULT`].
    pub fn is_default(&self) -> bool {
        self.display == Self::DEFAULT
    }

    /// Whether it has a user or a password.
    pub fn has_credentials(&self) -> bool {
        !self.readings.username().is_empty() || self.readings.password().is_some()
    }

    /// Whether the scheme is `https`.
    pub fn uses_tls(&self) -> bool {
        self.readings.scheme() == "https"
    }

    /// Whether the host is this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.readings.host_str().unwrap_or_default();
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        ip.map_or(host == "localhost" || host.ends_with(".localhost"), |ip| ip.is_loopback())
    }

    /// The error for a response that no Ingestion API sends, with advice.
    pub fn explain_unexpected(&self, unexpected: &UnexpectedResponse) -> String {
        let (readings, reason) = (format!("{self}/readings"), &unexpected.reason);
        if let Some(location) = &unexpected.location {
            let base = location.trim_end_matches('/');
            let base = base.strip_suffix("/readings").unwrap_or(base);
            return format!("{readings}: {reason}, a redirect to {location}; try --url {base}");
        }
        if rejects_credentials(unexpected.status) {
            let code = unexpected.code.as_deref();
            let named = code.map(|code| format!(" ({code})")).unwrap_or_default();
            return format!("{readings}: {reason}{named}; {}", key_rejection::advice(code));
        }
        if unexpected.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return format!(
                "{readings}: {reason}; the proxy requires credentials, which HTTP_PROXY may contain: \
                 http://user:password@proxy"
            );
        }
        format!(
            "{readings}: {reason}, so this is no Ingestion API; --url must be that of the Ingestion API, \
             such as {}, or of the web page with /api, such as http://localhost:3000/api{}",
            Self::DEFAULT,
            if unexpected.status == StatusCode::BAD_REQUEST { self.other_scheme() } else { "" }
        )
    }

    /// A hint for when client and server disagree about TLS.
    pub fn other_scheme(&self) -> &'static str {
        if self.uses_tls() {
            " (should it begin with http://?)"
        } else {
            " (should it begin with https://?)"
        }
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display)
    }
}

fn without_credentials(mut url: Url) -> String {
    // Err: the URL cannot have credentials.
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
    fn readings_is_appended_to_the_base_url_of_a_service_or_a_page() {
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
        let (reason, location) = ("the service responds".to_owned(), location.map(str::to_owned));
        ServiceUrl::parse(base).unwrap().explain_unexpected(&UnexpectedResponse {
            status,
            reason,
            code: None,
            location,
            request_id: None,
        })
    }

    #[test]
    fn an_unexpected_response_is_explained_with_advice_on_the_url() {
        let moved = advice(
            "http://example.org/api",
            StatusCode::PERMANENT_REDIRECT,
            Some("https://example.org/api/readings"),
        );
        assert!(moved.ends_with("try --url https://example.org/api"), "{moved}");
        let page = advice("http://example.org", StatusCode::METHOD_NOT_ALLOWED, None);
        assert!(page.starts_with("http://example.org/readings: the service responds"), "{page}");
        assert!(page.contains("no Ingestion API") && page.contains("with /api"), "{page}");
        let plain = advice("http://example.org", StatusCode::BAD_REQUEST, None);
        assert!(plain.contains("https://?"), "{plain}");
        let guarded = advice("http://example.org", StatusCode::UNAUTHORIZED, None);
        assert!(guarded.contains("user:password"), "{guarded}");
    }

    #[test]
    fn other_urls_than_http_are_refused() {
        for base in ["localhost:8000", "ftp://localhost", "/readings", "http://", "http://a b"] {
            let rule = ServiceUrl::parse(base).expect_err(base);
            assert!(rule.contains("http://"), "{rule}");
        }
    }

    #[test]
    fn a_password_is_sent_but_never_displayed() {
        let url = ServiceUrl::parse("https://meter:secret@example.org/api").unwrap();
        assert_eq!(url.to_string(), "https://example.org/api");
        assert_eq!(url.readings().password(), Some("secret"));
    }

    #[test]
    fn loopback_addresses_are_this_machine() {
        for (base, here) in [
            ("http://localhost:8000", true),
            ("http://127.0.0.2", true),
            ("http://[::1]:1", true),
            ("http://ingestion.localhost", true),
            ("http://localhost.example.org", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(ServiceUrl::parse(base).unwrap().is_loopback(), here, "{base}");
        }
    }
}
