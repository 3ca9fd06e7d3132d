//! Waiting for a condition, with a deadline and a message that names the condition.

use std::time::{Duration, Instant};

/// Far above the time of any condition on a busy machine.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// What happens "at once" takes at most this long, also on a loaded machine. Lower: tests fail without a
/// defect. Higher: it reaches the timeouts of the product (10 s and more) that such a test excludes.
pub const AT_ONCE: Duration = Duration::from_secs(5);

const PAUSE: Duration = Duration::from_millis(10);

/// Waits until `condition` gives a value.
pub async fn until_some<T>(what: &str, condition: impl AsyncFnMut() -> Option<T>) -> T {
    within_some(DEADLINE, what, condition).await
}

/// Waits until `condition` holds.
pub async fn until(what: &str, condition: impl AsyncFnMut() -> bool) {
    within(DEADLINE, what, condition).await;
}

/// Waits until `condition` holds, which must be before `deadline`.
pub async fn within(deadline: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    within_some(deadline, what, async || condition().await.then_some(())).await;
}

async fn within_some<T>(
    deadline: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(started.elapsed() < deadline, "not within {deadline:?}: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
