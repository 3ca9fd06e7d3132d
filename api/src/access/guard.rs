//! Admits requests that have the key which they need.

use std::path::PathBuf;

use futures_util::future::{Either, ready};
use poem::{Endpoint, Request, Response, Result};

use super::api_keys::ApiKeys;
use super::authorization::{check_scope, check_site};
use super::credentials::Credentials;
use super::grant::Grant;
use super::key_limit::KeyLimits;
use super::keys_file::KeysFileError;
use super::password;
use super::rejection::Rejection;
use super::request_counts::{CountsByName, Outcome};
use super::requirement::{required_scope, site_of};
use super::scope::Scope;
use super::secret::Token;
use crate::client_certificate::ClientCertificate;
use crate::rate::Rate;
use crate::reloaded::{ReloadError, Reloaded, SettingFiles};

/// Which requests need a key. Clones share the keys.
#[derive(Debug, Clone, Default)]
pub struct AccessPolicy(Option<Reloaded<ApiKeys>>);

impl AccessPolicy {
    /// No request needs a key.
    #[must_use]
    pub const fn open() -> Self {
        Self(None)
    }

    /// Requests need a key of this file, which is read again when it changes. Keys without a rate of their own have this
    /// one.
    ///
    /// # Errors
    /// When the file cannot be read, or its content is invalid.
    pub fn with_keys(
        setting: &'static str,
        file: PathBuf,
        rate: Option<Rate>,
    ) -> Result<Self, ReloadError<KeysFileError>> {
        let (counts, limits) = (CountsByName::exposed(), KeyLimits::new(rate));
        let files = SettingFiles { setting, paths: vec![file] };
        let parse = move |contents: &[Vec<u8>]| {
            ApiKeys::parse(contents.first().map_or(&[], Vec::as_slice), &counts, &limits)
        };
        Reloaded::load(files, parse).map(|keys| Self(Some(keys)))
    }

    /// Whether a request that was admitted with this grant, and lasts, would be admitted now: its key is still in the file
    /// with the same secret, and permits the site.
    #[must_use]
    pub(crate) fn still_permits(&self, grant: Option<&Grant>, scope: Scope, site: &str) -> bool {
        let Some(keys) = &self.0 else { return true };
        let keys = keys.current();
        let current = grant.and_then(|grant| keys.same_as(grant.key()));
        current.is_some_and(|current| {
            check_scope(current, scope).is_ok() && check_site(current, site).is_ok()
        })
    }

    /// The endpoint, reached only by requests with the key that they need.
    #[must_use]
    pub const fn guard<E>(self, endpoint: E) -> Guarded<E> {
        Guarded { policy: self, endpoint }
    }
}

/// An endpoint that is reached only by requests with the key that they need.
#[derive(Debug)]
pub struct Guarded<E> {
    policy: AccessPolicy,
    endpoint: E,
}

impl<E: Endpoint<Output = Response>> Endpoint for Guarded<E> {
    type Output = Response;

    // Not an async function: that would move the request once more.
    fn call(&self, mut request: Request) -> impl Future<Output = Result<Response>> + Send {
        let keys = self.policy.0.as_ref();
        if let Some(rejected) = keys.and_then(|keys| rejection(&keys.current(), &mut request)) {
            return Either::Left(ready(Ok(rejected)));
        }
        Either::Right(self.endpoint.call(request))
    }
}

/// The response to a request that is not admitted.
fn rejection(keys: &ApiKeys, request: &mut Request) -> Option<Response> {
    let admitted = admit(keys, request);
    let path = request.uri().path();
    match admitted {
        Err(rejection) => Some(rejection.response(path)),
        Ok(()) => request.extensions().get::<Grant>()?.rate_rejection(path),
    }
}

/// Checks a request, and gives it the grant of its key.
fn admit(keys: &ApiKeys, request: &mut Request) -> Result<(), Rejection> {
    let path = request.uri().path();
    let Some(scope) = required_scope(request.method(), path) else { return Ok(()) };
    let grant = authenticate(keys, request)?;
    check_scope(grant, scope)?;
    if grant.key().is_restricted_to_sites()
        && let Some(site) = site_of(path)
    {
        check_site(grant, &site)?;
    }
    grant.count(Outcome::Authorized);
    let grant = grant.clone();
    request.extensions_mut().insert(grant);
    Ok(())
}

/// The key of a request: that of its token; without one, that of its client certificate.
fn authenticate<'a>(keys: &'a ApiKeys, request: &Request) -> Result<&'a Grant, Rejection> {
    if let Some(password) = password::of(request) {
        let grant = Token::parse(&password).and_then(|token| keys.of_token(&token));
        return grant.ok_or(Rejection::Invalid);
    }
    match Credentials::of(request.headers()) {
        Credentials::Token(token) => keys.of_token(&token).ok_or(Rejection::Invalid),
        Credentials::Invalid => Err(Rejection::Invalid),
        Credentials::Missing => {
            let certificate = request.extensions().get::<ClientCertificate>();
            let grant = certificate.and_then(|certificate| keys.of_certificate(&certificate.names));
            grant.ok_or(Rejection::Missing)
        }
    }
}
