//! The timers of a connection: when to ping, and how long to wait for the reply.

use mqtt_protocol_core::mqtt::connection::TimerKind;
use tokio::time::{Duration, Instant};

/// Timers that are set.
#[derive(Debug, Default)]
pub(super) struct Timers(Vec<(TimerKind, Instant)>);

impl Timers {
    pub fn set(&mut self, timer: TimerKind, milliseconds: u64) {
        self.cancel(timer);
        self.0.push((timer, Instant::now() + Duration::from_millis(milliseconds)));
    }

    pub fn cancel(&mut self, timer: TimerKind) {
        self.0.retain(|(set, _)| *set != timer);
    }

    /// The first one.
    pub fn next(&self) -> Option<(TimerKind, Instant)> {
        self.0.iter().min_by_key(|(_, at)| *at).copied()
    }
}

/// Whether it limits the time that the reply to a ping may take.
pub(super) const fn awaits_reply(timer: TimerKind) -> bool {
    matches!(timer, TimerKind::PingrespRecv)
}
