//! The bound on the number of log lines.

use std::time::Duration;

use tokio::time::sleep;

use crate::common::product::Role;

/// Lines that a process may log per second, whatever fails.
const LINES_PER_SECOND: usize = 20;

/// Asserts that a process logs at most [`LINES_PER_SECOND`] for some time from now on.
pub async fn assert_log_volume(role: &Role, time: Duration) {
    let before = role.stderr().lines().count();
    sleep(time).await;
    let log = role.stderr();
    let lines = log.lines().count() - before;
    let may = LINES_PER_SECOND * usize::try_from(time.as_secs()).unwrap();
    assert!(lines <= may, "{lines} lines in {time:?}, such as {:?}", log.lines().next_back());
}
