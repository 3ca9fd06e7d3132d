//! Reads a selection of a site's readings, page by page, in either order.

use super::selected_page::{Selected, SelectedPage};
use super::selected_ties::SelectedTies;
use super::selection::{Position, Selection};
use super::tiers::{MAX_PAGE_SIZE, MemberPages, Scores, TierSources};
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::codec::StoredReading;
use crate::store::error::StoreResult;

/// The fewest members of one page. Too low and readings of one instant take a round trip each; too high and a page of
/// few readings costs Redis more than it needs.
const MIN_PAGE_SIZE: usize = 100;

/// Reads a selection with the memory of one page, however many readings it has.
#[derive(Debug)]
pub struct SelectionReader {
    pages: MemberPages,
    selection: Selection,
    ties: SelectedTies,
}

impl SelectionReader {
    pub(super) fn new(
        sources: TierSources,
        site: &SiteId,
        selection: Selection,
        wanted: usize,
    ) -> Self {
        // Of the members of other devices, one reading may be wanted.
        let wanted = if selection.devices.is_empty() { wanted } else { MAX_PAGE_SIZE };
        let page_size = wanted.clamp(MIN_PAGE_SIZE, MAX_PAGE_SIZE);
        let (order, scores) = (selection.order, scores(&selection));
        let pages = MemberPages::new(sources, site, order, scores, page_size);
        Self { pages, ties: SelectedTies::new(order), selection }
    }

    /// The next readings; `None` after the last. A page may be empty.
    ///
    /// # Errors
    /// When the server did not reply; the same page can be requested again.
    pub async fn next_page(&mut self) -> StoreResult<Option<SelectedPage>> {
        let Some(members) = self.pages.next().await? else { return Ok(None) };
        let mut page = SelectedPage::default();
        for (score, member) in members {
            self.select(score, member, &mut page);
        }
        if self.has_ended() {
            self.ties.finish(&mut page.readings);
        }
        Ok(Some(page))
    }

    /// Whether the last page has been read.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.pages.has_ended()
    }

    fn select(&mut self, score: f64, member: Vec<u8>, page: &mut SelectedPage) {
        let Ok(reading) = StoredReading::from_member(&member) else {
            page.invalid += 1;
            return;
        };
        let Selection { devices, after, order, .. } = &self.selection;
        let position = Position::of(score, &reading, &member);
        let is_after = after.is_none_or(|after| position.compare(&after, *order).is_gt());
        if is_after && (devices.is_empty() || devices.contains(reading.device_id())) {
            self.ties.push(Selected { position, member }, &mut page.readings);
        }
    }
}

/// The scores between which the selection is, from the position on after which it begins.
fn scores(selection: &Selection) -> Scores {
    let Selection { start, end, after, order, .. } = selection;
    let low = start.map_or(f64::NEG_INFINITY, Instant::epoch_seconds);
    let range =
        end.map_or(Scores { low, ..Scores::ALL }, |end| Scores::until(low, end.epoch_seconds()));
    // A position of other filters may be outside of the range.
    after.map_or(range, |after| range.from(after.score(), *order))
}
