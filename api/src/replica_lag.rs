//! The header `Replica-Lag`: how old what a replica returned may be.

use futures_util::future::Either;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode};
use poem::{Endpoint, Request, Response, Result};
use readings::store::ReplicaLag;

const REPLICA_LAG: HeaderName = HeaderName::from_static("replica-lag");

/// Adds the header to responses that have stored readings, where they are read from a replica.
pub(crate) struct WithReplicaLag<E> {
    service: E,
    lag: Option<ReplicaLag>,
}

impl<E> WithReplicaLag<E> {
    /// Without a lag, responses are as they were.
    pub const fn new(service: E, lag: Option<ReplicaLag>) -> Self {
        Self { service, lag }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for WithReplicaLag<E> {
    type Output = Response;

    // Not an async function: that would move the request once more.
    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        match &self.lag {
            Some(lag) if is_read(&request) && reads_stored(request.uri().path()) => {
                Either::Right(self.call_with(lag, request))
            }
            _ => Either::Left(self.service.call(request)),
        }
    }
}

impl<E: Endpoint<Output = Response>> WithReplicaLag<E> {
    async fn call_with(&self, lag: &ReplicaLag, request: Request) -> Result<Response> {
        // Before the read: its data are not older than the lag was then, and the time that it took.
        let before = lag.current();
        let mut response = self.service.call(request).await?;
        if response.status() == StatusCode::OK
            && let Some(lag) = before.max(lag.current())
            && let Ok(seconds) = HeaderValue::from_str(&format!("{:.3}", lag.as_secs_f64()))
        {
            response.headers_mut().insert(REPLICA_LAG, seconds);
        }
        Ok(response)
    }
}

fn is_read(request: &Request) -> bool {
    [Method::GET, Method::HEAD].contains(request.method())
}

/// Whether the path is that of a query of stored readings; live events come from the primary.
pub(crate) fn reads_stored(path: &str) -> bool {
    path.starts_with("/sites") && !path.ends_with("/events")
}
