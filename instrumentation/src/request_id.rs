//! The id of the current request, for the log lines that are written while it is handled.

use http::HeaderValue;

tokio::task_local! {
    static CURRENT: HeaderValue;
}

/// Runs a future with this request id.
pub async fn scope<F: Future>(id: HeaderValue, future: F) -> F::Output {
    CURRENT.scope(id, future).await
}

/// The id of the request that the current task handles, if any.
#[must_use]
pub fn current() -> Option<HeaderValue> {
    CURRENT.try_with(Clone::clone).ok()
}
