//! The artificial delay for trying out autoscaling.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::sleep;

/// Lets one reading pass per delay, whatever its site: like the original, which processed one reading at
/// a time, a process with a delay of 100 ms stores ten readings a second.
#[derive(Debug)]
pub(crate) struct Throttle {
    delay: Duration,
    one_at_a_time: Mutex<()>,
}

impl Throttle {
    pub fn new(delay: Duration) -> Self {
        Self { delay, one_at_a_time: Mutex::new(()) }
    }

    /// Whether there is a delay; without one, readings are stored in bulk.
    pub const fn is_enabled(&self) -> bool {
        !self.delay.is_zero()
    }

    /// Waits until all earlier readings have passed, and then for the delay.
    pub async fn acquire(&self) {
        let _after_earlier_readings = self.one_at_a_time.lock().await;
        sleep(self.delay).await;
    }
}
