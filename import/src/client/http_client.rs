//! The HTTP client, and what its errors say.

use std::error::Error;
use std::io;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::redirect;

use crate::client::service_url::ServiceUrl;

/// How long making a connection may take. Too low and far services are never reached; too high and
/// one that vanished is noticed late.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an answer may take, longer than the service gives itself (30 s). Too low and rows that
/// were taken are sent again; too high and a service that hangs is noticed late.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// How long a connection is kept for the next row, shorter than the service keeps it. Too low and
/// slow input needs a connection for each row; too high and a row is sent on a connection that the
/// service is just closing: it is unknown then whether it was taken.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Makes a client for a service.
///
/// # Errors
/// When the system has no certificates to check those of an `https://` service by.
pub fn client(url: &ServiceUrl) -> reqwest::Result<reqwest::Client> {
    // Err means that the process has chosen a provider before, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("energy-pipeline/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(ANSWER_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        // A redirected POST may become a GET; that the URL is another is for a person to know.
        .redirect(redirect::Policy::none());
    if url.is_on_this_machine() {
        // A proxy that the environment names is for the world outside of this machine.
        builder = builder.no_proxy();
    }
    if !url.is_encrypted() {
        // Certificates are not needed, and small containers have none.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

/// The proxy that the environment names for a service, as a connection to it is made by way of that.
pub fn proxy(url: &ServiceUrl) -> Option<String> {
    let readings = url.readings().as_str().parse().ok()?;
    let proxy = Matcher::from_env().intercept(&readings).filter(|_| !url.is_on_this_machine())?;
    let (uri, port) = (proxy.uri(), proxy.uri().port());
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{}{port}", uri.scheme_str().unwrap_or("http"), uri.host()?))
}

/// The innermost error; those around it only say that it was about a request.
pub fn cause(error: &reqwest::Error) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// What will not be better the next time: TLS that does not come about, or an answer that is no HTTP.
pub fn lasting(error: &reqwest::Error) -> Option<String> {
    let lasting = chain(error).find_map(|error| {
        if let Some(tls) = of_tls(error) {
            return Some(format!("TLS fails: {tls}"));
        }
        let http = error.downcast_ref::<hyper::Error>()?;
        http.is_parse().then(|| format!("what answers is no HTTP service: {http}"))
    })?;
    Some(lasting)
}

/// An error of TLS, perhaps within ones of input or output, which do not count it as their source.
fn of_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    error.downcast_ref().or_else(|| of_tls(error.downcast_ref::<io::Error>()?.get_ref()?))
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let outermost: &(dyn Error + 'static) = error;
    std::iter::successors(Some(outermost), |&error| error.source())
}
