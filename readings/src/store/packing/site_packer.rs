//! Which days of a site are packed, and when.
//!
//! Packed are closed days: those before a day that the caller names, and before the site's last day, which is that of its
//! last reading that is not in the future. So a site with readings has some in its sorted set, and what asks for its last
//! reading finds it there. Days whose packing has not ended are visited as well, though no member of theirs is left.

use std::collections::{BTreeMap, HashMap, VecDeque};

use redis::pipe;

use super::day_packer::{DayOutcome, DayPacker};
use super::hot_members::{count_before, last_day, last_until};
use crate::energy::rollup::Day;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::{StoreError, StoreResult};
use crate::store::keys;
use crate::store::packed::{FIRST_PACKABLE, summary};

const ZRANGE: &str = "ZRANGE";

/// Packs closed days of sites.
#[derive(Debug)]
pub struct SitePacker {
    days: DayPacker,
    /// What is left of sites, so that it is not read again and again. Sites without such members are not here.
    remaining: HashMap<SiteId, Remaining>,
}

/// The hot members of a site that were left when its closed days were packed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Remaining {
    /// As of [`DueSite`].
    until: Day,
    /// All of the days before the day that the caller named.
    total: u64,
    /// Those of packed days.
    by_day: BTreeMap<Day, u64>,
    /// The oldest day that could be packed and was not.
    oldest_waiting: Option<Day>,
}

/// A site that has hot members of closed days, or days whose packing has not ended.
#[derive(Debug, Clone)]
pub struct DueSite {
    /// Its id.
    pub site: SiteId,
    /// The days before this one are closed.
    until: Day,
    /// Its hot members before the day that the caller named.
    total: u64,
    /// Whether it may have days whose packing has not ended.
    may_have_unfinished: bool,
}

/// The closed days of one site, one after the other.
#[derive(Debug)]
pub struct SitePacking {
    due: DueSite,
    next: Day,
    /// Those whose packing has not ended; `None` before they are read.
    unfinished: Option<VecDeque<Day>>,
    left: BTreeMap<Day, u64>,
    /// The oldest day that could be packed and was not.
    oldest_waiting: Option<Day>,
    is_leased: bool,
    moved: u64,
}

/// The first closed day that is not packed yet, for days that ended an age ago. `None` beyond the calendar.
#[must_use]
pub fn closed_before(now: Instant, age: std::time::Duration) -> Option<Day> {
    let age = i64::try_from(age.as_micros()).ok()?;
    Some(Day::of(Instant::from_epoch_micros(now.epoch_micros().checked_sub(age)?)))
}

impl SitePacker {
    /// Packs by this connection, which writers should not wait for.
    #[must_use]
    pub fn new(connection: SharedConnection) -> Self {
        Self { days: DayPacker::new(connection), remaining: HashMap::new() }
    }

    /// Those of these sites that have hot members of closed days before this one, apart from those that were found before
    /// not to be packable.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn due(
        &mut self,
        sites: &[SiteId],
        until: Day,
        now: Instant,
    ) -> StoreResult<Vec<DueSite>> {
        let sites: Vec<_> = sites.iter().filter(|site| keys::can_be_packed(site)).collect();
        if sites.is_empty() {
            return Ok(Vec::new());
        }
        let mut questions = pipe();
        for site in &sites {
            questions.add_command(count_before(site, until)).add_command(last_until(site, now));
            questions.add_command(summary(site));
        }
        let (replies, _) = self.days.connection().send_all(ZRANGE, &questions).await?;
        let mut replies = replies.into_iter();
        let mut due = Vec::new();
        for site in sites {
            let [count, last, days] = [replies.next(), replies.next(), replies.next()];
            let (Some(count), Some(last), Some(days)) = (count, last, days) else { break };
            let total = reply::integer(&count?).ok_or_else(|| self.unexpected())?;
            let last = last_day(last?, || self.unexpected())?;
            let may_have_unfinished = self.days.may_have_unfinished(days?)?;
            if total == 0 {
                self.remaining.remove(site);
                if !may_have_unfinished {
                    continue;
                }
            }
            // A site without a last reading has days that were packed and are closed.
            let until = last.map_or(until, |last| until.min(last));
            let found = DueSite { site: site.clone(), until, total, may_have_unfinished };
            due.extend(Some(found).filter(|found| self.is_due(found)));
        }
        Ok(due)
    }

    fn is_due(&self, found: &DueSite) -> bool {
        let remaining = self.remaining.get(&found.site);
        found.may_have_unfinished
            || remaining.is_none_or(|it| (it.until, it.total) != (found.until, found.total))
    }

    /// Begins to pack the closed days of a site.
    #[must_use]
    pub fn begin(&self, due: DueSite) -> SitePacking {
        SitePacking {
            due,
            next: FIRST_PACKABLE,
            unfinished: None,
            left: BTreeMap::new(),
            oldest_waiting: None,
            is_leased: false,
            moved: 0,
        }
    }

    /// Packs the next day that has hot members; `None` after the last one.
    ///
    /// # Errors
    /// When the server replied with an error or not at all, or what it has is damaged. The next call is about the next day.
    pub async fn next(
        &self,
        packing: &mut SitePacking,
    ) -> Result<Option<(Day, DayOutcome)>, (Option<Day>, StoreError)> {
        let SitePacking { due: DueSite { site, until, .. }, .. } = packing;
        loop {
            let first = self.days.hot(site).first_day(packing.next, *until).await;
            let Some(day) = first.map_err(|error| (None, error))? else {
                return self.next_unfinished(packing).await;
            };
            packing.next = day.next();
            let outcome = self.day(site, day).await;
            if outcome.is_err() {
                packing.oldest_waiting.get_or_insert(day);
            }
            match outcome.map_err(|error| (Some(day), error))? {
                None => {}
                Some(DayOutcome::Leased) => {
                    packing.next = *until;
                    packing.is_leased = true;
                    return Ok(Some((day, DayOutcome::Leased)));
                }
                Some(outcome) => {
                    packing.record(day, outcome);
                    return Ok(Some((day, outcome)));
                }
            }
            let known = self.remaining.get(site).and_then(|it| it.by_day.get(&day));
            packing.left.insert(day, known.copied().unwrap_or_default());
        }
    }

    /// Completes the next day whose packing has not ended; `None` after the last one.
    async fn next_unfinished(
        &self,
        packing: &mut SitePacking,
    ) -> Result<Option<(Day, DayOutcome)>, (Option<Day>, StoreError)> {
        let DueSite { site, until, may_have_unfinished, .. } = &packing.due;
        if packing.is_leased || !may_have_unfinished {
            return Ok(None);
        }
        let unfinished = match &mut packing.unfinished {
            Some(unfinished) => unfinished,
            unread => {
                let days = self.days.unfinished(site, *until).await;
                unread.insert(days.map_err(|error| (None, error))?)
            }
        };
        let Some(day) = unfinished.pop_front() else { return Ok(None) };
        let outcome = self.days.pack(site, day).await.map_err(|error| (Some(day), error))?;
        packing.is_leased = outcome == DayOutcome::Leased;
        Ok(Some((day, outcome)))
    }

    /// Packs a day; `None` where it has only the members that were left before.
    async fn day(&self, site: &SiteId, day: Day) -> StoreResult<Option<DayOutcome>> {
        let known = self.remaining.get(site).and_then(|it| it.by_day.get(&day));
        if let Some(known) = known
            && self.days.hot(site).count(day, day.next()).await? == *known
        {
            return Ok(None);
        }
        self.days.pack(site, day).await.map(Some)
    }

    /// Ends the packing of a site: its days are summarized, its lease ends, and what is left is remembered.
    ///
    /// # Errors
    /// When the server replied with an error or not at all: the lease expires.
    pub async fn end(&mut self, packing: SitePacking) -> StoreResult<()> {
        let SitePacking { due, left, oldest_waiting, is_leased, moved, .. } = packing;
        let DueSite { site, until, total, .. } = due;
        if is_leased {
            return Ok(());
        }
        // Less what was moved. A reading that arrived meanwhile is not in this number: the site is due again.
        let total = total.saturating_sub(moved);
        if total == 0 {
            self.remaining.remove(&site);
        } else {
            self.remaining
                .insert(site.clone(), Remaining { until, total, by_day: left, oldest_waiting });
        }
        self.days.summarize(&site).await?;
        self.days.release(&site).await
    }

    /// The oldest day of these sites that could be packed and was not, as it was changed again and again, or is damaged. It
    /// is tried again when its site changes, or its next day is closed.
    #[must_use]
    pub fn oldest_waiting(&self, sites: &[SiteId]) -> Option<Day> {
        let remaining = sites.iter().filter_map(|site| self.remaining.get(site));
        remaining.filter_map(|it| it.oldest_waiting).min()
    }

    fn unexpected(&self) -> StoreError {
        self.days.connection().unexpected_reply(ZRANGE)
    }
}

impl SitePacking {
    fn record(&mut self, day: Day, outcome: DayOutcome) {
        match outcome {
            DayOutcome::Packed { moved, left, .. } => {
                self.moved += moved;
                if left > 0 {
                    self.left.insert(day, left);
                }
            }
            DayOutcome::Left(left) => {
                self.left.insert(day, left);
            }
            DayOutcome::Contended => {
                self.oldest_waiting.get_or_insert(day);
            }
            // Tried again when the site changes, or the next day is closed.
            DayOutcome::TooLarge | DayOutcome::Leased => {}
        }
    }
}
