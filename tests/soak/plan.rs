//! The faults and their times: drawn from a seed before the start, so that the same seed gives the
//! same faults at the same times.

use std::fmt;
use std::time::Duration;

use crate::support::proxy::Cut;
use crate::support::rng::Rng;

/// Processing services.
pub const PROCESSORS: usize = 3;

/// Ingestion APIs.
pub const INGESTIONS: usize = 2;

/// A service: processing services first, then ingestion APIs.
pub type Service = usize;

/// A fault; most last for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `kill -9`; restarted at the end.
    Kill(Service),
    /// `SIGTERM`, after which it must exit by itself; restarted at the end.
    Terminate(Service),
    /// `SIGSTOP` for longer than the idle time after which its entries are claimed.
    Freeze(Service),
    /// The network between it and Redis passes nothing.
    BlackHole(Service),
    /// One in five replies of Redis to it is truncated.
    CutReplies(Service, Cut),
    /// The network between it and Redis is slow.
    Slow(Service),
    /// `kill -9`; restarted over its files at the end.
    KillRedis,
    /// As `KillRedis`, and this number of bytes had not reached the disk.
    LosePower(usize),
    KillConnections,
    PauseRedis,
    DestroyGroup,
    FillMemory,
    /// This number of poison entries.
    Poison(u64),
}

/// The time at which a fault begins or ends.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub at: Duration,
    pub kind: Kind,
    pub action: Action,
    /// Its duration.
    pub lasts: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Begin,
    End,
}

/// All steps, in their order.
#[derive(Debug)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub time: Duration,
}

impl Plan {
    /// Draws the faults of this time: one every one to five seconds, `pace` times as often.
    pub fn drawn(seed: u64, time: Duration, pace: u32) -> Self {
        Self::of(draw, seed, time, pace)
    }

    /// As [`Plan::drawn`], of services only.
    pub fn of_services(seed: u64, time: Duration, pace: u32) -> Self {
        Self::of(draw_of_services, seed, time, pace)
    }

    fn of(draw: fn(&mut Rng) -> (Action, Duration), seed: u64, time: Duration, pace: u32) -> Self {
        let mut rng = Rng::seeded(seed);
        let (mut at, mut steps) = (Duration::from_secs(3), Vec::new());
        while at < time {
            let (action, lasts) = draw(&mut rng);
            steps.push(Step { at, kind: Kind::Begin, action, lasts });
            steps.push(Step { at: at + lasts, kind: Kind::End, action, lasts });
            at += milliseconds(&mut rng, 1_000, 5_000) / pace;
        }
        steps.sort_by_key(|step| step.at);
        Self { steps, time }
    }
}

fn draw(rng: &mut Rng) -> (Action, Duration) {
    let any = usize::try_from(rng.below((PROCESSORS + INGESTIONS) as u64)).unwrap();
    // The first of each kind is never restarted, so that a leak over a long time is detected.
    let replaceable = *rng.pick(&[1, 2, 1, 2, PROCESSORS + 1]);
    let cut = *rng.pick(&[Cut::ResetBefore, Cut::ResetMid, Cut::CloseMid]);
    let (entries, bytes) = (rng.between(1, 50), usize::try_from(rng.between(1, 100_000)).unwrap());
    let action = *rng.pick(&[
        Action::Kill(replaceable),
        Action::Kill(replaceable),
        Action::Terminate(replaceable),
        Action::Freeze(any),
        Action::Freeze(any),
        Action::BlackHole(any),
        Action::BlackHole(any),
        Action::CutReplies(any, cut),
        Action::Slow(any),
        Action::KillRedis,
        Action::LosePower(bytes),
        Action::KillConnections,
        Action::PauseRedis,
        Action::DestroyGroup,
        Action::FillMemory,
        Action::Poison(entries),
    ]);
    (action, lasts(action, rng))
}

fn draw_of_services(rng: &mut Rng) -> (Action, Duration) {
    loop {
        let (action, lasts) = draw(rng);
        if matches!(action, Action::Kill(_) | Action::Terminate(_) | Action::Freeze(_)) {
            return (action, lasts);
        }
    }
}

fn lasts(action: Action, rng: &mut Rng) -> Duration {
    match action {
        Action::Kill(_) | Action::KillRedis | Action::LosePower(_) => milliseconds(rng, 100, 2_500),
        Action::Terminate(_) => milliseconds(rng, 1_000, 3_000),
        Action::Freeze(_) => milliseconds(rng, 1_200, 5_000),
        Action::BlackHole(_) | Action::CutReplies(..) | Action::Slow(_) => {
            milliseconds(rng, 500, 8_000)
        }
        Action::PauseRedis | Action::FillMemory => milliseconds(rng, 500, 4_000),
        Action::KillConnections | Action::DestroyGroup | Action::Poison(_) => Duration::ZERO,
    }
}

fn milliseconds(rng: &mut Rng, from: u64, to: u64) -> Duration {
    Duration::from_millis(rng.between(from, to))
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, kind, action, lasts } = self;
        write!(f, "{:8.3} {kind:?} {action:?}", at.as_secs_f64())?;
        if *kind == Kind::Begin && !lasts.is_zero() {
            write!(f, " for {lasts:?}")?;
        }
        Ok(())
    }
}
