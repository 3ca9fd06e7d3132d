//! The HTTP client, and the classification of its errors.

use std::error::Error;
use std::io;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::redirect;

use crate::client::api_key::ApiKey;
use crate::client::service_url::ServiceUrl;
use crate::client::tls_files::TlsFiles;

/// Timeout of a connection attempt. Too low: distant services are never reached. Too high: an unreachable host is
/// detected late.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Timeout of a request, longer than the service's own (30 s). Too low: accepted rows are sent again. Too high: a
/// hanging service is detected late.
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(1);

/// How long an idle connection is kept, shorter than the service's keep-alive. Too low: slow input opens a
/// connection for each row. Too high: a row is sent on a connection that the service is closing, and its outcome is
/// unknown.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Creates the client for a service, which sends `api_key` with each request. No redirect is followed, so no other
/// host is sent it.
///
/// # Errors
/// When `url` is `https://` and the system has no CA certificates, or a file of certificates cannot be used.
pub fn client(
    url: &ServiceUrl,
    api_key: Option<&ApiKey>,
    tls: &TlsFiles,
) -> anyhow::Result<reqwest::Client> {
    // Err means that the process has installed a provider before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("energy-pipeline/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(RESPONSE_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        // A redirected POST may become a GET; and the user should correct the URL.
        .redirect(redirect::Policy::none());
    if url.is_loopback() {
        // `HTTP_PROXY` applies to other hosts only.
        builder = builder.no_proxy();
    }
    if !url.uses_tls() {
        // Certificates are not needed, and minimal containers have none.
        builder = builder.tls_certs_only([]);
    }
    if let Some(key) = api_key {
        let authorization = (AUTHORIZATION, key.authorization().clone());
        builder = builder.default_headers(HeaderMap::from_iter([authorization]));
    }
    Ok(tls.apply(builder)?.build()?)
}

/// The proxy of connections to a service, as `HTTP_PROXY` and its kin name it.
pub fn proxy(url: &ServiceUrl) -> Option<String> {
    let readings = url.readings().as_str().parse().ok()?;
    let proxy = Matcher::from_env().intercept(&readings).filter(|_| !url.is_loopback())?;
    let (uri, port) = (proxy.uri(), proxy.uri().port());
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{}{port}", uri.scheme_str().unwrap_or("http"), uri.host()?))
}

/// The innermost error; the outer ones only say that a request failed.
pub fn root_cause(error: &reqwest::Error) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// An error that a retry cannot resolve: a failed TLS handshake, or a response that is not HTTP.
pub fn permanent_failure(error: &reqwest::Error) -> Option<String> {
    let permanent = chain(error).find_map(|error| {
        if let Some(tls) = tls_error(error) {
            return Some(format!("TLS fails: {tls}"));
        }
        let http = error.downcast_ref::<hyper::Error>()?;
        http.is_parse().then(|| format!("no HTTP service: {http}"))
    })?;
    Some(permanent)
}

/// A TLS error, perhaps inside of I/O errors, which do not return it as their source.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    error.downcast_ref().or_else(|| tls_error(error.downcast_ref::<io::Error>()?.get_ref()?))
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let outermost: &(dyn Error + 'static) = error;
    std::iter::successors(Some(outermost), |&error| error.source())
}
