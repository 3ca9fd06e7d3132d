//! A day that has members outside of the sorted set.

use std::collections::VecDeque;

use bytes::Bytes;

use super::archived_days::ArchivedPart;
use super::scored_member::{ScoredMember, compare};
use super::scores::Scores;
use crate::energy::rollup::Day;
use crate::iso8601::Instant;
use crate::store::codec;
use crate::store::device_sample::DeviceSample;
use crate::store::packed::{DayHeader, PackedMembers};
use crate::store::series::selection::Order;

/// A day as it was read: its packed value is decompressed when its members are given.
#[derive(Debug)]
pub(super) struct TieredDay {
    pub day: Day,
    pub header: DayHeader,
    /// The packed value.
    pub value: Option<Vec<u8>>,
    pub archived: Option<ArchivedPart>,
    /// Whether the sorted set had members of the day as well.
    pub has_hot: bool,
}

/// Members in the order of a reader, each once.
#[derive(Debug)]
pub(super) struct Members {
    order: Order,
    members: VecDeque<(f64, Bytes)>,
}

impl TieredDay {
    /// Its scores.
    pub fn scores(&self) -> Scores {
        Scores::of_day(self.day)
    }

    /// Takes the samples of a day of which members were not read.
    pub fn take_samples(&mut self) -> Option<Vec<DeviceSample>> {
        match &mut self.archived {
            Some(ArchivedPart::Samples(samples)) => Some(std::mem::take(samples)),
            Some(ArchivedPart::Members(_)) | None => None,
        }
    }

    /// Whether one value has all its members.
    pub const fn has_one_part(&self) -> bool {
        let is_packed = self.header.packed.count > 0;
        is_packed != self.archived.is_some() && !self.has_hot
    }
}

/// The members of a part with their scores. A member without a timestamp sorts first: it cannot have been packed.
fn scored(part: &PackedMembers) -> impl Iterator<Item = (f64, Bytes)> {
    part.iter().map(|member| {
        let instant = codec::instant_of(member);
        (instant.map_or(0.0, Instant::epoch_seconds), part.text().slice_ref(member))
    })
}

impl Members {
    /// The members of parts of a day that are in a range, and follow the last one that was read.
    pub fn of(
        parts: &[PackedMembers],
        range: Scores,
        last: Option<&ScoredMember>,
        order: Order,
    ) -> Self {
        let is_wanted = |(score, member): &(f64, Bytes)| {
            let is_after =
                |last: &ScoredMember| compare((*score, member), (last.0, &last.1), order).is_gt();
            range.contains(*score) && last.is_none_or(is_after)
        };
        let mut members: Vec<_> = parts.iter().flat_map(scored).filter(is_wanted).collect();
        members.sort_unstable_by(|a, b| compare((a.0, &a.1), (b.0, &b.1), order));
        members.dedup_by(|a, b| a.1 == b.1);
        Self { order, members: members.into() }
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Takes the first ones.
    pub fn take(&mut self, count: usize) -> Vec<ScoredMember> {
        let taken = self.members.drain(..count.min(self.members.len()));
        taken.map(|(score, member)| (score, member.to_vec())).collect()
    }

    /// Takes those that are not beyond the last member of a page of the sorted set, of the last page all, but not many more
    /// than `count`; gives them and the members of the page as one page, each once, and whether that is all of the day.
    pub fn merge(
        &mut self,
        mut hot: Vec<ScoredMember>,
        is_last: bool,
        count: usize,
    ) -> (Vec<ScoredMember>, bool) {
        let order = self.order;
        let beyond = |end: &ScoredMember, member: &(f64, Bytes)| {
            compare((member.0, &member.1), (end.0, &end.1), order).is_gt()
        };
        let within = match hot.last().filter(|_| !is_last) {
            Some(end) => self.members.partition_point(|member| !beyond(end, member)),
            None => self.members.len(),
        };
        let is_cut = within > count;
        let mut page = self.take(within.min(count));
        if let Some(end) = page.last().filter(|_| is_cut) {
            hot.retain(|it| compare((it.0, &it.1), (end.0, &end.1), order).is_le());
        }
        page.append(&mut hot);
        page.sort_by(|a, b| compare((a.0, &a.1), (b.0, &b.1), order));
        page.dedup_by(|a, b| a.1 == b.1);
        (page, is_last && !is_cut)
    }
}
