//! The checker: compares the responses to senders with the contents of Redis.

mod contents;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use self::contents::{Contents, DeadLetter, Stored};
use super::ledger::{Class, Ledger, Request};
use super::redis_at::RedisAt;
use super::report::{Invariant, Report};

/// Default bound on processing all entries.
const WORKED_OFF_WITHIN: Duration = Duration::from_secs(30);

/// Consecutive samples without unread and pending entries that count as processed.
const STABLE_SAMPLES: u32 = 3;

const PAUSE: Duration = Duration::from_millis(50);

/// Checks the Redis at a port.
#[derive(Debug, Clone)]
pub struct Checker {
    redis_port: u16,
    worked_off_within: Duration,
    live: Option<BTreeSet<String>>,
    excused: BTreeSet<String>,
    trimmed_early: Vec<String>,
}

impl Checker {
    pub const fn of(redis_port: u16) -> Self {
        Self {
            redis_port,
            worked_off_within: WORKED_OFF_WITHIN,
            live: None,
            excused: BTreeSet::new(),
            trimmed_early: Vec::new(),
        }
    }

    /// Bound on the time until everything is delivered and acknowledged.
    pub fn within(self, worked_off_within: Duration) -> Self {
        Self { worked_off_within, ..self }
    }

    /// The running consumers: the group must have no others.
    pub fn live(self, consumers: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { live: Some(consumers.into_iter().map(Into::into).collect()), ..self }
    }

    /// Ids of entries that Redis itself lost: these need not be stored. If they are, from the
    /// memory of a service, their senders may have retried them as other entries.
    pub fn excusing(mut self, ids: impl IntoIterator<Item = String>) -> Self {
        self.excused.extend(ids);
        self
    }

    /// The violations that a [`super::sampler::Sampler`] detected.
    pub fn sampled(mut self, trimmed_early: Vec<String>) -> Self {
        self.trimmed_early.extend(trimmed_early);
        self
    }

    /// Waits until everything is processed, and compares.
    pub async fn check(self, ledger: &Ledger) -> Report {
        let mut redis = RedisAt::port(self.redis_port);
        let mut report = Report::default();
        if !worked_off(&mut redis, self.worked_off_within).await {
            let group = contents::group(&mut redis).await;
            let what = format!("not within {:?}: {group:?}", self.worked_off_within);
            report.add(Invariant::WorkedOff, what);
        }
        let contents = Contents::read(&mut redis).await;
        let (requests, excused) = (ledger.requests(), self.excused);
        let comparison = Comparison { excused, requests, contents, report };
        let mut report = comparison.done();
        if let Some(live) = &self.live {
            for gone in contents::consumers(&mut redis).await.difference(live) {
                report.add(Invariant::LiveConsumers, format!("{gone} is still in the group"));
            }
        }
        for what in self.trimmed_early {
            report.add(Invariant::NothingTrimmedUnread, what);
        }
        report
    }
}

/// Waits until no entry is pending or unread; returns whether that happened in time.
async fn worked_off(redis: &mut RedisAt, within: Duration) -> bool {
    let (started, mut samples) = (Instant::now(), 0);
    while samples < STABLE_SAMPLES {
        if started.elapsed() > within {
            return false;
        }
        let idle = contents::group(redis).await.is_some_and(|group| group.is_idle());
        samples = if idle { samples + 1 } else { 0 };
        sleep(PAUSE).await;
    }
    true
}

struct Comparison {
    excused: BTreeSet<String>,
    requests: BTreeMap<String, Request>,
    contents: Contents,
    report: Report,
}

impl Comparison {
    fn done(mut self) -> Report {
        self.count();
        self.check_losses();
        self.check_inventions();
        self.check_duplicates();
        self.check_dead_letters();
        self.report
    }

    fn count(&mut self) {
        let class = |class| self.requests.values().filter(|r| r.class == class).count();
        let Self { contents, report, .. } = self;
        report.accepted = class(Class::Accepted);
        report.refused = class(Class::Refused);
        report.unknown = class(Class::Unknown);
        report.poison = class(Class::Poison);
        report.stored = contents.stored.len();
        report.dead = contents.dead.len();
        report.stream = contents.stream;
    }

    /// I1.
    fn check_losses(&mut self) {
        let stored: BTreeSet<_> = self.contents.stored.iter().map(Stored::id).collect();
        let dead: BTreeSet<_> = self.contents.dead.iter().map(|l| l.original_id.as_str()).collect();
        for (name, request) in &self.requests {
            let is_there = |id: &str| stored.contains(id) || dead.contains(id);
            for id in request.ids.iter().filter(|id| !is_there(id)) {
                if self.excused.contains(id) {
                    self.report.lost_by_redis += 1;
                } else {
                    self.report.lost.push(id.clone());
                    let what = format!("{name}, taken as {id}, is nowhere");
                    self.report.add(Invariant::NoLoss, what);
                }
            }
        }
    }

    /// I2.
    fn check_inventions(&mut self) {
        for stored in &self.contents.stored {
            let Some(request) = self.requests.get(stored.device()) else {
                self.report.add(Invariant::NoInvention, format!("{stored} was never sent"));
                continue;
            };
            if request.class == Class::Unknown {
                self.report.unknown_stored += 1;
            }
            if let Some(fault) = fault_of(stored, request, &self.excused) {
                let what = format!("{stored} {fault}, but {request:?}");
                self.report.add(Invariant::NoInvention, what);
            }
        }
    }

    /// I3.
    fn check_duplicates(&mut self) {
        let mut ids: BTreeMap<&str, u32> = BTreeMap::new();
        let mut names: BTreeMap<&str, u32> = BTreeMap::new();
        for stored in &self.contents.stored {
            *ids.entry(stored.id()).or_default() += 1;
            if !self.excused.contains(stored.id()) {
                *names.entry(stored.device()).or_default() += 1;
            }
        }
        let doubled = |counts: BTreeMap<&str, u32>| -> Vec<_> {
            counts.into_iter().filter(|&(_, n)| n > 1).map(|(name, _)| name.to_owned()).collect()
        };
        self.report.twice = doubled(names);
        let doubled: Vec<_> = doubled(ids).into_iter().chain(self.report.twice.clone()).collect();
        for doubled in doubled {
            self.report.add(Invariant::NoTwice, format!("{doubled} is stored more than once"));
        }
        for (name, request) in self.requests.iter().filter(|(_, request)| request.ids.len() > 1) {
            let what = format!("{name} was accepted more than once: {request:?}");
            self.report.add(Invariant::NoTwice, what);
        }
    }

    /// I4.
    fn check_dead_letters(&mut self) {
        let stored: BTreeSet<_> = self.contents.stored.iter().map(Stored::id).collect();
        let mut seen = BTreeSet::new();
        for dead_letter in &self.contents.dead {
            let id = dead_letter.original_id.as_str();
            let request = dead_letter.device().and_then(|device| self.requests.get(device));
            let faults = [
                (stored.contains(id), "is stored as well"),
                (!seen.insert(id), "is there twice"),
                (request.is_none_or(|r| r.class != Class::Poison), "was no poison"),
            ];
            for (_, fault) in faults.into_iter().filter(|(is_so, _)| *is_so) {
                self.report.add(Invariant::NotDeadAndStored, format!("{dead_letter} {fault}"));
            }
        }
    }
}

/// The difference between a member and the reading that was sent.
fn fault_of(
    stored: &Stored,
    request: &Request,
    excused: &BTreeSet<String>,
) -> Option<&'static str> {
    let known = request.ids.iter().chain(excused).any(|id| id == stored.id());
    let sent = &request.sent;
    let faults = [
        (!matches!(request.class, Class::Accepted | Class::Unknown), "was not accepted"),
        (!sent.is_said_by(&stored.member), "was sent with other words"),
        (stored.site != sent.site, "is with another site"),
        (stored.score.to_bits() != sent.score().to_bits(), "has another score"),
        (request.class == Class::Accepted && !known, "was answered with another id"),
    ];
    faults.into_iter().find_map(|(is_so, fault)| is_so.then_some(fault))
}

impl std::fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the dead letter {} ({}) {:?}", self.original_id, self.reason, self.fields)
    }
}

impl std::fmt::Display for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} with score {}", self.member, self.site, self.score)
    }
}
