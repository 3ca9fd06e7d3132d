//! The pages of a site's members in all tiers, whatever is packed, unpacked or archived meanwhile.

use std::collections::VecDeque;

use super::day_reader::DayReader;
use super::hot_pages::HotPages;
use super::plan::{Part, next_part};
use super::scored_member::ScoredMember;
use super::scores::Scores;
use super::sources::TierSources;
use super::tiered_day::{Members, TieredDay};
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::device_sample::DeviceSample;
use crate::store::error::StoreResult;
use crate::store::packed::{DayHeader, PackedDays, PackedMembers, SiteDays};
use crate::store::series::selection::Order;

/// The most members of one page. Too low and a response spends its time on round trips; too high and Redis serves
/// no other client that long (about a microsecond a member), and a response holds more memory.
pub(in crate::store::series) const MAX_PAGE_SIZE: usize = 2_000;

/// As many pages of samples are read together as one of members: they take a fifth of the memory, or less, and each read of
/// the archive opens files. Too low and a year takes many reads; too high and a question holds more memory.
const SAMPLE_PAGES: usize = 4;

/// What is next of a site.
#[derive(Debug)]
pub(in crate::store::series) enum MembersOrDays {
    /// Members.
    Members(Vec<ScoredMember>),
    /// Days with all their members, in the order of responses.
    Days(Vec<PackedMembers>),
}

/// What is next of the samples of a site.
#[derive(Debug)]
pub(in crate::store::series) enum MembersOrSamples {
    /// Members.
    Members(Vec<ScoredMember>),
    /// All samples of a day within the range, by instant.
    Samples(Vec<DeviceSample>),
}

/// The members of one site within a range of scores, each once, in Redis' order or its reverse.
#[derive(Debug)]
pub(in crate::store::series) struct MemberPages {
    site: SiteId,
    order: Order,
    page_size: usize,
    hot: HotPages,
    day_reader: DayReader,
    packed: PackedDays,
    /// The days as they were at one version; none before the first page.
    days: SiteDays,
    /// The range from the last member on, without the days that were read to their end; `None` after the last.
    remaining: Option<Scores>,
    /// The last member that was read.
    last: Option<ScoredMember>,
    /// Days that were read.
    read: VecDeque<TieredDay>,
    /// Members of the first of them that were not given.
    present: Option<Members>,
}

impl MemberPages {
    pub fn new(
        sources: TierSources,
        site: &SiteId,
        order: Order,
        range: Scores,
        page_size: usize,
    ) -> Self {
        Self {
            site: site.clone(),
            order,
            page_size,
            hot: HotPages::new(sources.connection.clone(), site, order, page_size),
            packed: sources.packed.clone(),
            day_reader: DayReader::new(sources, site.clone(), order),
            days: SiteDays::default(),
            remaining: Some(range),
            last: None,
            read: VecDeque::new(),
            present: None,
        }
    }

    /// The next members; `None` after the last page. Only the last page may be empty.
    ///
    /// # Errors
    /// When the server did not reply; the same page can be requested again.
    pub async fn next(&mut self) -> StoreResult<Option<Vec<ScoredMember>>> {
        while let Some(remaining) = self.remaining {
            if let Some(page) = self.page(remaining).await? {
                return Ok(Some(page));
            }
        }
        Ok(None)
    }

    /// As [`MemberPages::next`], but days whose members are in one value are given as a whole.
    ///
    /// # Errors
    /// When the server did not reply; the same part can be requested again.
    pub async fn next_part(&mut self) -> StoreResult<Option<MembersOrDays>> {
        while let Some(remaining) = self.remaining {
            let days = self.whole_days()?;
            if !days.is_empty() {
                return Ok(Some(MembersOrDays::Days(days)));
            }
            if let Some(page) = self.page(remaining).await? {
                return Ok(Some(MembersOrDays::Members(page)));
            }
        }
        Ok(None)
    }

    /// As [`MemberPages::next`], but of days that only the archive has, samples are read and given; none may be in the range.
    ///
    /// # Errors
    /// When the server did not reply; the same part can be requested again.
    pub async fn next_samples(&mut self) -> StoreResult<Option<MembersOrSamples>> {
        self.day_reader.is_of_samples = true;
        while let Some(remaining) = self.remaining {
            if let Some(samples) = self.samples_of_day(remaining) {
                return Ok(Some(MembersOrSamples::Samples(samples)));
            }
            if let Some(page) = self.page(remaining).await? {
                return Ok(Some(MembersOrSamples::Members(page)));
            }
        }
        Ok(None)
    }

    /// The samples of the next day that was read, if they were read in place of members.
    fn samples_of_day(&mut self, remaining: Scores) -> Option<Vec<DeviceSample>> {
        let day = self.read.front_mut()?;
        let (mut samples, scores) = (day.take_samples()?, day.scores());
        samples.retain(|sample| remaining.contains(sample.sample.instant.epoch_seconds()));
        self.end_day(remaining, scores);
        Some(samples)
    }

    /// The next page; `None` when something else is to be read first.
    async fn page(&mut self, remaining: Scores) -> StoreResult<Option<Vec<ScoredMember>>> {
        let Some(page) = self.step(remaining).await? else { return Ok(None) };
        if let Some(last) = page.last() {
            // What was given must not be planned again when the days have changed.
            self.remaining = self.remaining.map(|rest| rest.from(last.0, self.order));
            self.last = Some(last.clone());
        }
        // An archive that fails is known with the first members, and not with nothing before them.
        Ok((!page.is_empty() || self.has_ended()).then_some(page))
    }

    /// The next days that were read and that one value has each, of about as many members as a page.
    fn whole_days(&mut self) -> StoreResult<Vec<PackedMembers>> {
        let (mut days, mut members) = (Vec::new(), 0);
        while members < self.page_size
            && let Some(day) = self.whole_day()?
        {
            members += day.len();
            days.push(day);
        }
        Ok(days)
    }

    /// The next day that was read, if none of its members was given, and one value has all.
    fn whole_day(&mut self) -> StoreResult<Option<PackedMembers>> {
        let (Some(remaining), Some(day)) = (self.remaining, self.read.front()) else {
            return Ok(None);
        };
        let scores = day.scores();
        let has_begun = self.last.as_ref().is_some_and(|(score, _)| scores.contains(*score));
        if has_begun || !day.has_one_part() || remaining.and(scores) != scores {
            return Ok(None);
        }
        let members = self.day_reader.parts(day)?.pop();
        self.end_day(remaining, scores);
        Ok(members)
    }

    /// Whether the last page has been read.
    pub const fn has_ended(&self) -> bool {
        self.remaining.is_none()
    }

    async fn step(&mut self, remaining: Scores) -> StoreResult<Option<Vec<ScoredMember>>> {
        if let Some(day) = self.read.front() {
            let (day, has_hot) = (day.scores(), day.has_hot);
            return if has_hot {
                self.merged_page(remaining, day).await
            } else {
                self.page_of_day(remaining, day).map(Some)
            };
        }
        let wanted = self.page_size * if self.day_reader.is_of_samples { SAMPLE_PAGES } else { 1 };
        match next_part(&self.days, remaining, self.order, wanted) {
            Part::Hot(range) => self.hot_page(remaining, range).await,
            Part::Days(days) => self.read_days(remaining, days).await.map(|()| None),
        }
    }

    async fn hot_page(
        &mut self,
        remaining: Scores,
        range: Scores,
    ) -> StoreResult<Option<Vec<ScoredMember>>> {
        let page = self.hot.read(range, self.last.as_ref()).await?;
        let end = page.members.last().filter(|_| !page.is_last);
        let end = end.map(|(score, _)| Scores { low: *score, high: *score, includes_high: true });
        let read = end.map_or(range, |end| range.through(end, self.order));
        if !self.is_current(read, page.version).await? {
            return Ok(None);
        }
        if page.is_last {
            self.remaining = remaining.after(range, self.order);
        }
        Ok(Some(page.members))
    }

    async fn read_days(
        &mut self,
        remaining: Scores,
        days: Vec<(Day, DayHeader)>,
    ) -> StoreResult<()> {
        let last = self.last.as_ref().map(|(score, _)| *score);
        let read = self.day_reader.read(&days, remaining, last).await?;
        let last = days.last().map_or(remaining, |(day, _)| Scores::of_day(*day));
        let range = remaining.through(last, self.order);
        if self.is_current(range, read.version.clone()).await? {
            self.read = DayReader::days(read, days)?;
        }
        Ok(())
    }

    /// Members of a day of which the sorted set had none.
    fn page_of_day(&mut self, remaining: Scores, day: Scores) -> StoreResult<Vec<ScoredMember>> {
        let mut members = self.present(remaining)?;
        let page = members.take(self.page_size);
        if members.is_empty() {
            self.end_day(remaining, day);
        } else {
            self.present = Some(members);
        }
        Ok(page)
    }

    /// Members of a day of which the sorted set has some, too.
    async fn merged_page(
        &mut self,
        remaining: Scores,
        day: Scores,
    ) -> StoreResult<Option<Vec<ScoredMember>>> {
        let range = remaining.and(day);
        let hot = self.hot.read(range, self.last.as_ref()).await?;
        if !self.is_current(day, hot.version).await? {
            self.read.clear();
            self.present = None;
            return Ok(None);
        }
        let mut members = self.present(remaining)?;
        let (page, is_last) = members.merge(hot.members, hot.is_last, self.page_size);
        if is_last {
            self.end_day(remaining, day);
        } else {
            self.present = Some(members);
        }
        Ok(Some(page))
    }

    /// What was not given of the first day that was read.
    fn present(&mut self, remaining: Scores) -> StoreResult<Members> {
        if let Some(members) = self.present.take() {
            return Ok(members);
        }
        let parts = self.read.front().map(|day| self.day_reader.parts(day)).transpose()?;
        let parts = parts.unwrap_or_default();
        Ok(Members::of(&parts, remaining, self.last.as_ref(), self.order))
    }

    fn end_day(&mut self, remaining: Scores, day: Scores) {
        self.read.pop_front();
        self.remaining = remaining.after(day, self.order);
    }

    /// Whether what was read of a range counts: no day of it has been changed since its header was read. A change of
    /// another day is followed; else a site whose days are packed one after the other could not be read meanwhile.
    async fn is_current(&mut self, read: Scores, version: Option<Vec<u8>>) -> StoreResult<bool> {
        if version == self.days.version {
            return Ok(true);
        }
        let days = self.packed.of_site(&self.site).await?;
        let before = std::mem::replace(&mut self.days, days);
        let [first, last] = read.days();
        let after = self.days.headers.range(first..=last);
        Ok(before.headers.range(first..=last).eq(after))
    }
}
