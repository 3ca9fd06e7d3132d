//! Reads what arithmetic needs of a site's readings: device, instant and power, each member parsed once.

use std::sync::Arc;

use super::member_pages::{Bounds, MAX_PAGE_SIZE, MemberPages};
use super::selected_page::Selected;
use super::selected_ties::SelectedTies;
use super::selection::{Order, Position};
use crate::energy::calendar::Range;
use crate::energy::integration::Sample;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::codec::StoredReading;
use crate::store::connection::SharedConnection;
use crate::store::error::StoreResult;

/// Power of a device.
#[derive(Debug)]
pub struct DeviceSample {
    /// The device.
    pub device: Arc<str>,
    /// Its power at an instant.
    pub sample: Sample,
}

/// Reads a range of samples with the memory of one page, however many there are.
#[derive(Debug)]
pub struct SampleReader {
    pages: MemberPages,
    ties: SelectedTies<DeviceSample>,
    /// The score before which the range ends.
    end: f64,
    /// The device of the sample before, most often that of the next one as well.
    device: Arc<str>,
}

impl SampleReader {
    pub(super) fn new(connection: SharedConnection, site: &SiteId, range: Range) -> Self {
        let [start, end] = [range.start(), range.end()].map(Instant::epoch_seconds);
        let bounds = Bounds { near: start.to_string(), far: format!("({end}") };
        let pages = MemberPages::new(connection, site, Order::Ascending, bounds, MAX_PAGE_SIZE);
        Self { pages, ties: SelectedTies::new(Order::Ascending), end, device: "".into() }
    }

    /// The next samples, in the order of instants, of one instant of stream ids; `None` after the last. A page may
    /// be empty. Members that are no readings are left out.
    ///
    /// # Errors
    /// When the server did not reply; the same page can be requested again.
    pub async fn next_page(&mut self) -> StoreResult<Option<Vec<DeviceSample>>> {
        let Some(members) = self.pages.next().await? else { return Ok(None) };
        let mut page = Vec::with_capacity(members.len());
        if members.last().is_some_and(|(score, _)| *score >= self.end) {
            self.pages.end();
        }
        for (score, member) in members {
            if score < self.end
                && let Some(sample) = self.sample(score, &member)
            {
                self.ties.push(sample, &mut page);
            }
        }
        if self.pages.has_ended() {
            self.ties.finish(&mut page);
        }
        Ok(Some(page.into_iter().map(|selected| selected.member).collect()))
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
