//! The checker: compares the responses to senders with the contents of Redis.

mod contents;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio::time::sleep;

pub use self::contents::{Contents, StoredAs};
use self::contents::{DeadLetter, Group, Stored};
use super::ledger::{Class, Ledger, Request};
use super::redis_at::RedisAt;
use super::report::{Invariant, Report};
use crate::common::tiers;

/// Default bound on processing all entries.
const WORKED_OFF_WITHIN: Duration = Duration::from_secs(30);

/// Consecutive samples without unread and pending entries that count as processed.
const STABLE_SAMPLES: u32 = 3;

const PAUSE: Duration = Duration::from_millis(50);

/// Checks the Redis at a port, or the masters of a cluster.
#[derive(Debug, Clone)]
pub struct Checker {
    redis_ports: Vec<u16>,
    worked_off_within: Duration,
    live: Option<BTreeSet<String>>,
    excused: Excused,
    trimmed_early: Vec<String>,
    in_one_tier: bool,
    archive: Option<String>,
}

/// What Redis itself lost.
#[derive(Debug, Clone, Default)]
struct Excused {
    ids: BTreeSet<String>,
    /// By device and id: entries of two partitions may have the same id.
    readings: BTreeSet<StoredAs>,
}

impl Excused {
    fn contains(&self, device: &str, id: &str) -> bool {
        self.ids.contains(id) || self.readings.contains(&(device.to_owned(), id.to_owned()))
    }
}

impl Checker {
    pub fn of(redis_port: u16) -> Self {
        Self::of_all([redis_port])
    }

    /// Checks servers that share the readings and the partitions of the stream.
    pub fn of_all(redis_ports: impl IntoIterator<Item = u16>) -> Self {
        Self {
            redis_ports: redis_ports.into_iter().collect(),
            worked_off_within: WORKED_OFF_WITHIN,
            live: None,
            excused: Excused::default(),
            trimmed_early: Vec::new(),
            in_one_tier: false,
            archive: None,
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
        self.excused.ids.extend(ids);
        self
    }

    /// As [`Checker::excusing`], by device and id.
    pub fn excusing_readings(mut self, readings: impl IntoIterator<Item = StoredAs>) -> Self {
        self.excused.readings.extend(readings);
        self
    }

    /// After packing has ended: each reading must be in one tier.
    pub fn in_one_tier(self) -> Self {
        Self { in_one_tier: true, ..self }
    }

    /// Counts what the archive at a URL has as well.
    pub fn archive(self, url: &str) -> Self {
        Self { archive: Some(url.to_owned()), ..self }
    }

    /// The violations that a [`super::sampler::Sampler`] detected.
    pub fn sampled(mut self, trimmed_early: Vec<String>) -> Self {
        self.trimmed_early.extend(trimmed_early);
        self
    }

    /// Waits until everything is processed, or for as long as that may take.
    pub async fn wait_until_worked_off(&self) -> bool {
        worked_off(&mut self.servers(), self.worked_off_within).await
    }

    fn servers(&self) -> Vec<RedisAt> {
        self.redis_ports.iter().map(|port| RedisAt::port(*port)).collect()
    }

    /// Waits until everything is processed, and compares.
    pub async fn check(self, ledger: &Ledger) -> Report {
        let mut redis = self.servers();
        let mut report = Report::default();
        if !self.wait_until_worked_off().await {
            let groups = contents::groups(&mut redis).await;
            let what = format!("not within {:?}: {groups:?}", self.worked_off_within);
            report.add(Invariant::WorkedOff, what);
        }
        let archive = self.archive.as_deref().map(tiers::archive);
        let contents = Contents::read(&mut redis, archive.as_ref()).await;
        let (requests, excused, in_one_tier) = (ledger.requests(), self.excused, self.in_one_tier);
        let comparison = Comparison { excused, requests, contents, report, in_one_tier };
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
async fn worked_off(redis: &mut [RedisAt], within: Duration) -> bool {
    let (started, mut samples) = (Instant::now(), 0);
    while samples < STABLE_SAMPLES {
        if started.elapsed() > within {
            return false;
        }
        let groups = contents::groups(redis).await;
        let idle = groups.is_some_and(|groups| groups.iter().all(Group::is_idle));
        samples = if idle { samples + 1 } else { 0 };
        sleep(PAUSE).await;
    }
    true
}

struct Comparison {
    excused: Excused,
    requests: BTreeMap<String, Request>,
    contents: Contents,
    report: Report,
    in_one_tier: bool,
}

impl Comparison {
    fn done(mut self) -> Report {
        self.count();
        self.check_losses();
        self.check_inventions();
        self.check_duplicates();
        self.check_dead_letters();
        self.check_tiers();
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
        (report.packed, report.archived) = (contents.packed, contents.archived);
        report.dead = contents.dead.len();
        report.stream = contents.stream;
    }

    /// I1.
    fn check_losses(&mut self) {
        let stored: BTreeSet<_> = self.contents.stored.iter().map(Stored::stored_as).collect();
        let dead: BTreeSet<_> = self.contents.dead.iter().map(DeadLetter::dead_as).collect();
        for (name, request) in &self.requests {
            let is_there = |id: &str| stored.contains(&(name, id)) || dead.contains(&(name, id));
            for id in request.ids.iter().filter(|id| !is_there(id)) {
                if self.excused.contains(name, id) {
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
        let mut copies: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        let mut names: BTreeMap<&str, u32> = BTreeMap::new();
        for stored in &self.contents.stored {
            *copies.entry(stored.stored_as()).or_default() += 1;
            if !self.excused.contains(stored.device(), stored.id()) {
                *names.entry(stored.device()).or_default() += 1;
            }
        }
        let doubled = names.into_iter().filter(|&(_, n)| n > 1);
        self.report.twice = doubled.map(|(name, _)| name.to_owned()).collect();
        let copies = copies.into_iter().filter(|&(_, n)| n > 1);
        let copies = copies.map(|((device, id), _)| format!("{id} of {device}"));
        let doubled: Vec<_> = copies.chain(self.report.twice.clone()).collect();
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
        let stored: BTreeSet<_> = self.contents.stored.iter().map(Stored::stored_as).collect();
        let mut seen = BTreeSet::new();
        for dead_letter in &self.contents.dead {
            let id = dead_letter.dead_as();
            let request = dead_letter.device().and_then(|device| self.requests.get(device));
            let faults = [
                (stored.contains(&id), "is stored as well"),
                (!seen.insert(id), "is there twice"),
                (request.is_none_or(|r| r.class != Class::Poison), "was no poison"),
            ];
            for (_, fault) in faults.into_iter().filter(|(is_so, _)| *is_so) {
                self.report.add(Invariant::NotDeadAndStored, format!("{dead_letter} {fault}"));
            }
        }
    }

    /// I7.
    fn check_tiers(&mut self) {
        let Contents { faults, in_two_tiers, .. } = &self.contents;
        let in_two = in_two_tiers.iter().filter(|_| self.in_one_tier);
        let in_two = in_two.map(|member| format!("{member} is in two tiers"));
        let found: Vec<_> = faults.iter().cloned().chain(in_two).collect();
        for fault in found {
            self.report.add(Invariant::TiersFit, fault);
        }
    }
}

/// The difference between a member and the reading that was sent.
fn fault_of(stored: &Stored, request: &Request, excused: &Excused) -> Option<&'static str> {
    let id = stored.id();
    let known =
        request.ids.iter().any(|known| known == id) || excused.contains(stored.device(), id);
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
