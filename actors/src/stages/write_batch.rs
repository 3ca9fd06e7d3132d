//! A round: readings of many sites that are stored with one exchange.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use readings::store::codec::StreamEntry;
use readings::store::consumers::Ownership;
use readings::store::insertions::{Inserted, Insertion, Insertions};
use readings::store::{Epoch, ErrorClass, StoreError, StreamId};
use tracing::warn;

use crate::config::Shared;
use crate::flow::batch::{SiteCommit, ids};
use crate::flow::retry;
use crate::flow::traces::Exchange;
use crate::metrics::METRICS;

/// Readings of many sites, as their writers gave them.
pub(crate) struct Round {
    shared: Arc<Shared>,
    commits: Vec<SiteCommit>,
    /// What to send as long as nothing has happened since.
    prepared: Insertions,
    /// When that was.
    epoch: Epoch,
    /// When the first of the entries was asked for.
    delivered: Instant,
}

/// What became of a round.
pub(crate) struct Stored {
    pub commits: Vec<SiteCommit>,
    pub answers: Answers,
}

/// What came of an attempt.
pub(crate) struct Answers {
    /// For each commit: why it can never be stored.
    pub refusals: Vec<Option<StoreError>>,
    /// Entries that are not in flight here any more.
    pub not_ours: HashSet<StreamId>,
    /// When Redis answered.
    pub epoch: Epoch,
}

/// What of a round is this consumer's to store.
#[derive(Default)]
struct Fenced {
    not_ours: HashSet<StreamId>,
    /// Those of ours that are not in the stream any more.
    gone: HashSet<StreamId>,
}

impl Round {
    /// A round of these commits; there is one at least.
    pub fn new(shared: Arc<Shared>, mut commits: Vec<SiteCommit>) -> Self {
        let epoch = shared.sites.epoch();
        let unlisted = commits.iter().filter(|commit| commit.listed != Some(epoch));
        let mut prepared = Insertions::listing(&shared.sites, unlisted.map(|commit| &commit.site));
        for commit in &mut commits {
            prepared.push(mem::take(&mut commit.insertion));
        }
        let delivered = commits.iter().map(|commit| commit.delivered).min();
        let delivered = delivered.unwrap_or_else(Instant::now);
        Self { shared, commits, prepared, epoch, delivered }
    }

    /// Stores what is this consumer's to store, however long that takes.
    pub async fn store(self) -> Stored {
        let answers = retry::until_done(&self.shared.outage, || self.attempt()).await;
        Stored { commits: self.commits, answers }
    }

    async fn attempt(&self) -> Result<Answers, StoreError> {
        let is_stale = self.shared.may_have_lost(self.delivered);
        let fenced = if is_stale { self.fence().await? } else { Fenced::default() };
        fail::fail_point!("round-after-fence");
        let rebuilt;
        let insertions = if is_stale || self.epoch != self.shared.sites.epoch() {
            rebuilt = self.insertions_of(&fenced);
            &rebuilt
        } else {
            &self.prepared
        };
        let exchange = Exchange::begin("ZADD");
        let Inserted { listed, new, epoch } = self.shared.series.insert(insertions).await?;
        let refusals = self.examine(listed, new, &fenced)?;
        self.note(exchange, &refusals, &fenced);
        Ok(Answers { refusals, not_ours: fenced.not_ours, epoch })
    }

    /// Leaves out what another consumer has taken over while this process was frozen or waited for
    /// Redis, as it must not even be acknowledged: the other may not have stored it yet. And what has
    /// been buried since. The rest is stored: if another has done so, it changes nothing.
    async fn fence(&self) -> Result<Fenced, StoreError> {
        let Shared { stream, config, traces, .. } = self.shared.as_ref();
        let ids: Vec<_> = self.commits.iter().flat_map(|commit| ids(&commit.entries)).collect();
        let Ownership { taken, unheld, gone } = stream.ownership(&config.consumer, &ids).await?;
        let mut not_ours = stream.buried_ids(&unheld | &gone).await?;
        let gone = &gone - &not_ours;
        if !taken.is_empty() {
            static THROTTLE: LogThrottle = LogThrottle::new();
            METRICS.lost_ownership(taken.len());
            traces.give_up("taken_over", taken.iter().copied());
            if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
                let count = taken.len();
                warn!(count, suppressed, "another consumer took entries over meanwhile");
            }
        }
        not_ours.extend(taken);
        Ok(Fenced { not_ours, gone })
    }

    fn insertions_of(&self, fenced: &Fenced) -> Insertions {
        let sites = self.commits.iter().map(|commit| &commit.site);
        let mut insertions = Insertions::listing(&self.shared.sites, sites);
        for commit in self.commits.iter().filter(|commit| fenced.leaves_some_of(commit)) {
            insertions.push(Insertion::new(&commit.site, fenced.left_of(commit)));
        }
        insertions
    }

    /// Goes through the answers. Only that a series itself holds something else is final: the same
    /// error of any other key is somebody's mistake, and lasts until it is mended. An index of sites
    /// that holds something else keeps no reading from being stored.
    fn examine(
        &self,
        listed: Result<(), StoreError>,
        new: Vec<Result<u64, StoreError>>,
        fenced: &Fenced,
    ) -> Result<Vec<Option<StoreError>>, StoreError> {
        if let Err(error) = final_refusal(listed)? {
            static THROTTLE: LogThrottle = LogThrottle::new();
            if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
                warn!(%error, suppressed, "the index of sites holds something else; new sites are not listed");
            }
        }
        let mut new = new.into_iter();
        let refusal = |commit: &SiteCommit| {
            let answer = if fenced.leaves_some_of(commit) { new.next() } else { None };
            let Some(answer) = answer else { return Ok(None) };
            Ok(final_refusal(answer)?.map(|new| count(commit, new, fenced)).err())
        };
        self.commits.iter().map(refusal).collect()
    }

    /// Counts what was stored, and notes in its traces with what.
    fn note(&self, exchange: Exchange, refusals: &[Option<StoreError>], fenced: &Fenced) {
        let commits = self.commits.iter().zip(refusals).filter(|(_, refusal)| refusal.is_none());
        let stored = || commits.clone().flat_map(|(commit, _)| fenced.left_of(commit));
        let ids = || stored().map(|entry| entry.id);
        let age = ids().min().and_then(|oldest| self.shared.clock.age(oldest, Instant::now()));
        METRICS.stored(ids().count(), age);
        self.shared.traces.exchanged(exchange, ids());
    }
}

impl Fenced {
    fn left_of<'a>(&self, commit: &'a SiteCommit) -> impl Iterator<Item = &'a StreamEntry> {
        commit.entries.iter().filter(|entry| !self.not_ours.contains(&entry.id))
    }

    fn leaves_some_of(&self, commit: &SiteCommit) -> bool {
        self.not_ours.is_empty() || self.left_of(commit).next().is_some()
    }
}

/// Tells an error that no repetition will change from one that may pass.
fn final_refusal<T>(answer: Result<T, StoreError>) -> Result<Result<T, StoreError>, StoreError> {
    match answer {
        Err(error) if error.class != ErrorClass::WrongType => Err(error),
        answer => Ok(answer),
    }
}

/// Counts what Redis had lost.
fn count(commit: &SiteCommit, new: u64, fenced: &Fenced) {
    let stored = fenced.left_of(commit).count();
    let gone = fenced.left_of(commit).filter(|entry| fenced.gone.contains(&entry.id)).count();
    let only_copies = new.saturating_sub((stored - gone) as u64);
    if gone > 0 && only_copies > 0 {
        static THROTTLE: LogThrottle = LogThrottle::new();
        METRICS.rolled_back(only_copies);
        if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
            let site = &commit.site;
            warn!(only_copies, %site, suppressed, "Redis lost entries; they are stored from memory");
        }
    }
}
