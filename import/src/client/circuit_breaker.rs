//! Whether the service answers, as all rows together see it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::MutexGuard;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::client::response::Trouble;
use crate::tracking::Shared;

/// How often trouble is told again. Too low: the terminal is full of it. Too high: it looks as if
/// nothing happened.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Whether the service answers.
pub struct Availability {
    retry_for: Duration,
    shared: Shared,
    answers: AtomicU64,
    is_troubled: AtomicBool,
    turn: tokio::sync::Mutex<()>,
    told: Mutex<Told>,
}

/// What was told of trouble.
#[derive(Default)]
struct Told {
    /// Until when the service wants no rows.
    wait_until: Option<Instant>,
    last: Option<Instant>,
    is_current: bool,
    /// The last reason, told or not.
    reason: String,
}

impl Availability {
    /// Tells of trouble on the progress display, and stops the import when it lasts. Begins as in
    /// trouble: the first row finds out whether there is a service at all.
    pub fn new(retry_for: Duration, shared: Shared) -> Self {
        Self {
            retry_for,
            shared,
            answers: AtomicU64::new(0),
            is_troubled: AtomicBool::new(true),
            turn: tokio::sync::Mutex::new(()),
            told: Mutex::new(Told::default()),
        }
    }

    /// How many rows the service has answered for good.
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Waits until the row may be sent. While the service is in trouble, one row at a time finds out
    /// whether that is over: else a service that hangs would make all rows after it unknown. A row
    /// that was not sent yet has no `deadline`: those that were will tell whether there is hope.
    ///
    /// # Errors
    /// When the row's time is over or the import ends before it is its turn.
    pub async fn turn(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Option<MutexGuard<'_, ()>>, Trouble> {
        if !self.is_troubled() {
            return Ok(None);
        }
        let turn = self.before(deadline, self.turn.lock()).await?;
        let wait_until = self.told().wait_until;
        if let Some(wait_until) = wait_until.filter(|_| self.is_troubled()) {
            // A row whose time ends earlier is tried once more then.
            let last = deadline.unwrap_or_else(|| Instant::now() + self.retry_for);
            self.before(None, sleep_until(wait_until.min(last))).await?;
        }
        Ok(self.is_troubled().then_some(turn))
    }

    async fn before<T>(
        &self,
        deadline: Option<Instant>,
        waiting: impl Future<Output = T>,
    ) -> Result<T, Trouble> {
        let stop = self.shared.stop.token();
        let waiting = stop.run_until_cancelled(waiting);
        let waited = match deadline {
            Some(deadline) => timeout_at(deadline, waiting).await.ok().flatten(),
            None => waiting.await,
        };
        // What was waited for may have come with the end.
        waited.filter(|_| !stop.is_cancelled()).ok_or_else(|| self.no_turn())
    }

    /// The service has answered a row for good.
    pub fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        // Looks before it writes: nearly always there is nothing to write.
        let is_over = self.is_troubled() && self.is_troubled.swap(false, Ordering::Relaxed);
        if is_over && std::mem::take(&mut self.told().is_current) {
            self.shared.progress.note("the service answers again");
        }
    }

    /// The service did not answer a row for good.
    pub fn trouble(&self, trouble: &Trouble) {
        self.is_troubled.store(true, Ordering::Relaxed);
        let mut told = self.told();
        trouble.reason.clone_into(&mut told.reason);
        if let Some(wait) = trouble.retry_after {
            told.wait_until = Some(Instant::now() + wait);
        }
        let is_due = told.last.is_none_or(|time| time.elapsed() >= TOLD_EVERY);
        if is_due && !self.shared.stop.is_stopped() {
            told.last = Some(Instant::now());
            told.is_current = true;
            let (reason, retry_for) = (&told.reason, self.retry_for);
            if retry_for.is_zero() {
                self.shared.progress.note(reason);
            } else {
                let seconds = retry_for.as_secs_f64().ceil();
                self.shared
                    .progress
                    .note(format_args!("{reason}; rows wait for up to {seconds} s"));
            }
        }
    }

    /// A row was given up that was first sent when there were so many answers. Without any since,
    /// more rows would only fail as well.
    pub fn gave_up(&self, answers: u64) {
        if answers == self.answers() && !self.shared.stop.is_stopped() {
            self.shared.stop.because(anyhow!("gave up: {}", self.told().reason));
        }
    }

    fn no_turn(&self) -> Trouble {
        let reason = format!("not sent, as others were not answered: {}", self.told().reason);
        Trouble { reason, retry_after: None, may_be_there: false }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_troubled(&self) -> bool {
        self.is_troubled.load(Ordering::Relaxed)
    }
}
