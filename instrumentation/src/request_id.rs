//! The id of the request that is being answered, for the lines that are logged meanwhile.

use http::HeaderValue;

tokio::task_local! {
    static CURRENT: HeaderValue;
}

/// Does something as the work on a request.
pub async fn within<F: Future>(id: HeaderValue, work: F) -> F::Output {
    CURRENT.scope(id, work).await
}

/// The id of the request that is being answered here, if any.
#[must_use]
pub fn current() -> Option<HeaderValue> {
    CURRENT.try_with(Clone::clone).ok()
}
