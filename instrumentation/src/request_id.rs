//! The id of the current request, for the log lines that are written while it is handled.

use std::pin::pin;

use http::HeaderValue;

tokio::task_local! {
    static CURRENT: HeaderValue;
}

/// Runs a future with this request id; gives the id back with its output, so that it need not be cloned.
pub async fn scope<F: Future>(id: HeaderValue, future: F) -> (F::Output, Option<HeaderValue>) {
    let mut scoped = pin!(CURRENT.scope(id, future));
    let output = scoped.as_mut().await;
    (output, scoped.take_value())
}

/// The id of the request that the current task handles, if any.
#[must_use]
pub fn current() -> Option<HeaderValue> {
    CURRENT.try_with(Clone::clone).ok()
}
