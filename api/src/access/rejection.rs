//! The response to a request without the key that it needs.

use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use poem::Response;
use poem::http::header::WWW_AUTHENTICATE;
use poem::http::{HeaderValue, StatusCode};
use tracing::warn;

use super::grant::Grant;
use super::request_counts::Outcome;
use super::scope::Scope;
use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;
use crate::metrics::{
    API_KEY_EXPIRED, API_KEY_INVALID, API_KEY_MISSING, METRICS, SCOPE_MISSING, SITE_FORBIDDEN,
};

/// Why a request is rejected.
#[derive(Debug)]
pub(crate) enum Rejection {
    /// It has no key.
    Missing,
    /// No key has its token, or its header is malformed.
    Invalid,
    /// Its key has expired.
    Expired(Grant),
    /// Its key lacks the scope.
    ScopeMissing(Grant, Scope),
    /// Its key does not permit the site.
    SiteForbidden(Grant),
}

impl Rejection {
    /// The response; it is counted, and logged at most once a second.
    pub fn response(&self, path: &str) -> Response {
        let body = self.body(path);
        let is_unauthenticated = matches!(self, Self::Missing | Self::Invalid | Self::Expired(_));
        let status =
            if is_unauthenticated { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN };
        let mut response = body.response(status);
        response.headers_mut().insert(WWW_AUTHENTICATE, self.challenge());
        response
    }

    /// The body of the response; the rejection is counted and logged.
    pub fn body(&self, path: &str) -> ErrorBody {
        METRICS.request_rejected(self.reason());
        if let (Some(grant), Some(outcome)) = (self.grant(), self.outcome()) {
            grant.count(outcome);
        }
        self.log(path);
        ErrorBody::new(self.code(), self.detail())
    }

    const fn grant(&self) -> Option<&Grant> {
        match self {
            Self::Missing | Self::Invalid => None,
            Self::Expired(grant) | Self::ScopeMissing(grant, _) | Self::SiteForbidden(grant) => {
                Some(grant)
            }
        }
    }

    const fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Missing | Self::Invalid => None,
            Self::Expired(_) => Some(Outcome::Expired),
            Self::ScopeMissing(..) => Some(Outcome::ScopeMissing),
            Self::SiteForbidden(_) => Some(Outcome::SiteForbidden),
        }
    }

    /// The value of the metric's label, and of the log field.
    const fn reason(&self) -> &'static str {
        match self {
            Self::Missing => API_KEY_MISSING,
            Self::Invalid => API_KEY_INVALID,
            Self::Expired(_) => API_KEY_EXPIRED,
            Self::ScopeMissing(..) => SCOPE_MISSING,
            Self::SiteForbidden(_) => SITE_FORBIDDEN,
        }
    }

    const fn code(&self) -> ErrorCode {
        match self {
            Self::Missing => ErrorCode::ApiKeyMissing,
            Self::Invalid => ErrorCode::ApiKeyInvalid,
            Self::Expired(_) => ErrorCode::ApiKeyExpired,
            Self::ScopeMissing(..) => ErrorCode::ScopeMissing,
            Self::SiteForbidden(_) => ErrorCode::SiteForbidden,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Missing => "An API key is required: `Authorization: Bearer enp_…`".to_owned(),
            Self::Invalid => "The API key is malformed, unknown or revoked".to_owned(),
            Self::Expired(_) => "The API key has expired".to_owned(),
            Self::ScopeMissing(_, scope) => {
                format!("The API key lacks the scope `{}`, which this request needs", scope.name())
            }
            Self::SiteForbidden(_) => "The API key does not permit this site".to_owned(),
        }
    }

    /// The challenge (RFC 6750, 3); without an error code where the request had no credentials.
    fn challenge(&self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Missing => "Bearer",
            Self::Invalid | Self::Expired(_) => r#"Bearer error="invalid_token""#,
            Self::ScopeMissing(_, Scope::Write) => {
                r#"Bearer error="insufficient_scope", scope="write""#
            }
            Self::ScopeMissing(_, Scope::Read) => {
                r#"Bearer error="insufficient_scope", scope="read""#
            }
            Self::ScopeMissing(_, Scope::Operate) => {
                r#"Bearer error="insufficient_scope", scope="operate""#
            }
            Self::SiteForbidden(_) => r#"Bearer error="insufficient_scope""#,
        })
    }

    fn log(&self, path: &str) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
            let key = self.grant().map(|grant| grant.key().name.as_str());
            let reason = self.reason();
            warn!(
                key,
                reason, path, suppressed, "a request without a sufficient API key was rejected"
            );
        }
    }
}
