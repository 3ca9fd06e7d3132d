//! The response to a request that is not admitted.

use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use poem::http::StatusCode;
use poem::http::header::{HOST, ORIGIN};
use poem::{Request, Response};
use tracing::warn;

use crate::error_code::ErrorCode;
use crate::metrics::{CROSS_SITE, FOREIGN_HOST, FOREIGN_ORIGIN, METRICS};
use crate::middleware;

/// Why a request is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejection {
    /// `Sec-Fetch-Site` states another site or another origin.
    CrossSite,
    /// `Origin` is neither the request's host nor listed.
    ForeignOrigin,
    /// `Host` is not allowed.
    ForeignHost,
}

impl Rejection {
    /// The value of the metric's label, and of the log field.
    const fn reason(self) -> &'static str {
        match self {
            Self::CrossSite => CROSS_SITE,
            Self::ForeignOrigin => FOREIGN_ORIGIN,
            Self::ForeignHost => FOREIGN_HOST,
        }
    }

    /// The response; it is counted, and logged at most once a second.
    pub(super) fn response(self, request: &Request) -> Response {
        METRICS.request_rejected(self.reason());
        self.log(request);
        let (status, code, detail) = match self {
            Self::CrossSite | Self::ForeignOrigin => (
                StatusCode::FORBIDDEN,
                ErrorCode::CrossOriginForbidden,
                "Pages of other origins may not change anything here; CORS_ALLOWED_ORIGINS permits an origin",
            ),
            Self::ForeignHost => (
                StatusCode::MISDIRECTED_REQUEST,
                ErrorCode::HostNotAllowed,
                "The service is not reached by the host that `Host` names; ALLOWED_HOSTS permits a host",
            ),
        };
        middleware::reject(request, status, code, detail)
    }

    fn log(self, request: &Request) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
            let (path, reason) = (request.uri().path(), self.reason());
            let headers = request.headers();
            let (host, origin) = (headers.get(HOST), headers.get(ORIGIN));
            warn!(
                path,
                reason,
                ?host,
                ?origin,
                suppressed,
                "a request of another origin or for another host was rejected"
            );
        }
    }
}
