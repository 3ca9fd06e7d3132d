//! Admits requests to a service.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::TryFutureExt;
use futures_util::future::{Either, ready};
use poem::http::header::{HOST, ORIGIN};
use poem::http::uri::Authority;
use poem::http::{HeaderName, HeaderValue};
use poem::{Endpoint, Request, Response, Result};

use super::cors;
use super::host_pattern::HostPattern;
use super::hosts::AllowedHosts;
use super::origin::{self, Origin};
use super::rejection::Rejection;
use crate::middleware;

/// Where a browser says that a request comes from: `same-origin`, `same-site`, `cross-site`, or `none` for one that
/// the user has entered (Fetch Metadata Request Headers, W3C).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which requests a server admits. Clones share it.
#[derive(Debug, Clone)]
pub struct OriginPolicy {
    hosts: Arc<AllowedHosts>,
    origins: Arc<[Origin]>,
}

impl OriginPolicy {
    /// The policy of a server that listens on `local`: which hosts requests may name besides those of this machine,
    /// and which origins count as our own.
    #[must_use]
    pub fn new(local: SocketAddr, hosts: Vec<HostPattern>, origins: Vec<Origin>) -> Self {
        Self { hosts: Arc::new(AllowedHosts::new(hosts, local)), origins: origins.into() }
    }

    /// The endpoint, reached only by admitted requests.
    pub fn guard<E>(&self, endpoint: E) -> Guarded<E> {
        Guarded { policy: self.clone(), endpoint }
    }

    fn check(&self, request: &Request) -> Result<(), Rejection> {
        if hosts(request).all(|host| self.hosts.allow(host)) {
            self.check_origin(request)
        } else {
            Err(Rejection::ForeignHost)
        }
    }

    /// Pages of other origins may read, as far as browsers let them (see [`cors`]), and change nothing.
    fn check_origin(&self, request: &Request) -> Result<(), Rejection> {
        let headers = request.headers();
        let origin = headers.get(ORIGIN);
        if request.method().is_safe() || origin.is_some_and(|origin| self.is_listed(origin)) {
            return Ok(());
        }
        // Before `Origin`: behind a proxy that replaces `Host`, only the browser knows that both are the same.
        match (headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes), origin) {
            (Some(b"same-origin" | b"none"), _) | (None, None) => Ok(()),
            (Some(_), _) => Err(Rejection::CrossSite),
            (None, Some(origin)) if hosts(request).all(|host| origin::is_host(origin, host)) => {
                Ok(())
            }
            (None, Some(_)) => Err(Rejection::ForeignOrigin),
        }
    }

    fn is_listed(&self, origin: &HeaderValue) -> bool {
        self.origins.iter().any(|listed| listed.is(origin))
    }

    /// The origin of the page that sent the request, if pages of it may read the response.
    fn sharing_origin(&self, request: &Request) -> Option<HeaderValue> {
        request.headers().get(ORIGIN).filter(|origin| self.is_listed(origin)).cloned()
    }
}

/// The hosts that a request names: `Host`, and that of an absolute target (RFC 9112, 3.2.2). HTTP/1.0 needs none.
fn hosts(request: &Request) -> impl Iterator<Item = &str> {
    let headers = request.headers().get_all(HOST).iter().map(text);
    headers.chain(request.uri().authority().map(Authority::as_str))
}

/// Empty, which no policy allows, for a host that is not ASCII.
fn text(host: &HeaderValue) -> &str {
    host.to_str().unwrap_or_default()
}

/// An endpoint that is reached only by admitted requests.
pub struct Guarded<E> {
    policy: OriginPolicy,
    endpoint: E,
}

impl<E: Endpoint<Output = Response>> Endpoint for Guarded<E> {
    type Output = Response;

    // Not an async function: that would move the request once more.
    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        let rejection = self.policy.check(&request).err();
        if self.policy.origins.is_empty() {
            return Either::Left(match rejection {
                Some(rejection) => Either::Left(ready(Ok(rejection.response(&request)))),
                None => Either::Right(self.endpoint.call(request)),
            });
        }
        let shared_with = self.policy.sharing_origin(&request);
        let responding = if let Some(rejection) = rejection {
            Either::Left(ready(Ok(rejection.response(&request))))
        } else if shared_with.is_some() && cors::is_preflight(request.method(), request.headers()) {
            let preflight = middleware::respond_in_place(&request, |_| cors::preflight_response());
            Either::Left(ready(Ok(preflight)))
        } else {
            Either::Right(self.endpoint.call(request))
        };
        Either::Right(responding.map_ok(|response| shared(response, shared_with)))
    }
}

/// The response, which pages of this origin may read, and which differs by origin.
fn shared(mut response: Response, with: Option<HeaderValue>) -> Response {
    if let Some(origin) = with {
        cors::share(&mut response, origin);
    }
    cors::vary(&mut response);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "https://dashboard.example";

    fn policy() -> OriginPolicy {
        let local = "0.0.0.0:8000".parse().unwrap();
        OriginPolicy::new(local, Vec::new(), vec![LISTED.parse().unwrap()])
    }

    fn check(method: &str, headers: &[(&'static str, &str)]) -> Result<(), Rejection> {
        let mut request = Request::builder().method(method.parse().unwrap());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        policy().check(&request.finish())
    }

    #[test]
    fn a_change_is_admitted_from_our_own_and_listed_origins_and_without_one() {
        let host = ("host", "energy.example");
        for headers in [
            &[host][..],
            &[host, ("origin", "https://energy.example")],
            &[host, ("sec-fetch-site", "same-origin")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("sec-fetch-site", "cross-site"), ("origin", LISTED)],
            // Behind a proxy that replaces `Host`.
            &[
                ("host", "backend"),
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://a.example"),
            ],
            &[],
        ] {
            assert_eq!(check("POST", headers), Ok(()), "{headers:?}");
        }
    }

    #[test]
    fn a_change_of_another_origin_is_rejected_and_a_read_is_not() {
        let host = ("host", "energy.example");
        let foreign = ("origin", "https://evil.example");
        for (headers, rejection) in [
            (&[host, ("sec-fetch-site", "cross-site")][..], Rejection::CrossSite),
            (&[host, ("sec-fetch-site", "same-site"), foreign], Rejection::CrossSite),
            (&[host, ("sec-fetch-site", "unknown")], Rejection::CrossSite),
            (&[host, foreign], Rejection::ForeignOrigin),
            (&[host, ("origin", "null")], Rejection::ForeignOrigin),
            (&[host, ("origin", "https://energy.example:8443")], Rejection::ForeignOrigin),
        ] {
            for method in ["POST", "DELETE", "PUT", "PATCH"] {
                assert_eq!(check(method, headers), Err(rejection), "{method} {headers:?}");
            }
            for method in ["GET", "HEAD", "OPTIONS"] {
                assert_eq!(check(method, headers), Ok(()), "{method} {headers:?}");
            }
        }
    }
}
