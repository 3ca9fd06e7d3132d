//! The artificial delay that lets autoscaling be tried out.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::sleep;

/// Lets one reading pass per delay, whatever its site: as the original, which worked on one reading
/// at a time, a process with a delay of 100 ms stores ten readings a second.
#[derive(Debug)]
pub(crate) struct Pace {
    delay: Duration,
    turn: Mutex<()>,
}

impl Pace {
    pub fn new(delay: Duration) -> Self {
        Self { delay, turn: Mutex::new(()) }
    }

    /// Whether there is a delay at all; without one, readings are stored many at a time.
    pub const fn is_slowed(&self) -> bool {
        !self.delay.is_zero()
    }

    /// Waits for this reading's turn, and then for the delay.
    pub async fn wait(&self) {
        let _turn = self.turn.lock().await;
        sleep(self.delay).await;
    }
}
