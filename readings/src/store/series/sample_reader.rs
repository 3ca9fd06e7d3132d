//! Reads what arithmetic needs of a site's readings: device, instant and power, each member parsed once, and those of archived days
//! not at all.

use std::sync::Arc;

use super::selected_page::Selected;
use super::selected_ties::SelectedTies;
use super::selection::{Order, Position};
use super::tiers::{
    MAX_PAGE_SIZE, MemberPages, MembersOrSamples, ScoredMember, Scores, TierSources,
};
use crate::energy::calendar::Range;
use crate::energy::integration::Sample;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::codec::StoredReading;
use crate::store::device_sample::DeviceSample;
use crate::store::error::StoreResult;

/// Reads a range of samples with the memory of one page, however many there are.
#[derive(Debug)]
pub struct SampleReader {
    pages: MemberPages,
    ties: SelectedTies<DeviceSample>,
    /// The device of the sample before, most often that of the next one as well.
    device: Arc<str>,
}

impl SampleReader {
    pub(super) fn new(sources: TierSources, site: &SiteId, range: Range) -> Self {
        let [start, end] = [range.start(), range.end()].map(Instant::epoch_seconds);
        let (scores, order) = (Scores::until(start, end), Order::Ascending);
        let pages = MemberPages::new(sources, site, order, scores, MAX_PAGE_SIZE);
        Self { pages, ties: SelectedTies::new(order), device: "".into() }
    }

    /// The next samples, in the order of instants, of one instant and device of stream ids; `None` after the last. A page may
    /// be empty. Members that are no readings are left out.
    ///
    /// # Errors
    /// When the server did not reply; the same page can be requested again.
    pub async fn next_page(&mut self) -> StoreResult<Option<Vec<DeviceSample>>> {
        let (mut tied, mut samples) = (Vec::new(), Vec::new());
        match self.pages.next_samples().await? {
            None => return Ok(None),
            Some(MembersOrSamples::Members(members)) => self.parse(members, &mut tied),
            Some(MembersOrSamples::Samples(of_day)) => {
                // Those before are of another day.
                self.ties.finish(&mut tied);
                samples = of_day;
            }
        }
        let mut page: Vec<_> = tied.into_iter().map(|selected| selected.member).collect();
        page.append(&mut samples);
        Ok(Some(page))
    }

    fn parse(&mut self, members: Vec<ScoredMember>, page: &mut Vec<Selected<DeviceSample>>) {
        page.reserve(members.len());
        for (score, member) in members {
            if let Some(sample) = self.sample(score, &member) {
                self.ties.push(sample, page);
            }
        }
        if self.pages.has_ended() {
            self.ties.finish(page);
        }
    }

    fn sample(&mut self, score: f64, member: &[u8]) -> Option<Selected<DeviceSample>> {
        let reading = StoredReading::from_member(member).ok()?;
        let position = Position::of(score, &reading, member);
        if *self.device != *reading.device_id() {
            self.device = reading.device_id().into();
        }
        let sample = Sample { instant: position.instant()?, watts: reading.watts() };
        Some(Selected { position, member: DeviceSample { device: self.device.clone(), sample } })
    }
}
