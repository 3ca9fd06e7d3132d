//! Reads a selection of a site's readings, page by page, in either order.

use super::member_pages::{Bounds, MAX_PAGE_SIZE, MemberPages};
use super::selected_page::{Selected, SelectedPage};
use super::selected_ties::SelectedTies;
use super::selection::{Order, Position, Selection};
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::codec::StoredReading;
use crate::store::connection::SharedConnection;
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
        connection: SharedConnection,
        site: &SiteId,
        selection: Selection,
        wanted: usize,
    ) -> Self {
        // Of the members of other devices, one reading may be wanted.
        let wanted = if selection.devices.is_empty() { wanted } else { MAX_PAGE_SIZE };
        let page_size = wanted.clamp(MIN_PAGE_SIZE, MAX_PAGE_SIZE);
        let (order, bounds) = (selection.order, bounds(&selection));
        let pages = MemberPages::new(connection, site, order, bounds, page_size);
        Self { pages, ties: SelectedTies::new(order), selection }
    }

    /// The next readings; `None` after the last. A page may be empty.
    ///
    /// # Errors
    /// When the server did not reply; the same page can be requested again.
    pub async fn next_page(&mut self) -> StoreResult<Option<SelectedPage>> {
        let Some(members) = self.pages.next().await? else { return Ok(None) };
        if members.last().is_some_and(|(score, _)| self.is_beyond_range(*score)) {
            self.pages.end();
        }
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
        if self.is_beyond_range(score) {
            return;
        }
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

    fn is_beyond_range(&self, score: f64) -> bool {
        let Selection { start, end, order, .. } = &self.selection;
        match order {
            Order::Ascending => end.is_some_and(|end| score >= end.epoch_seconds()),
            Order::Descending => start.is_some_and(|start| score < start.epoch_seconds()),
        }
    }
}

/// The scores between which the selection is, from the position on after which it begins.
fn bounds(selection: &Selection) -> Bounds {
    let Selection { start, end, after, order, .. } = selection;
    let start = start.map_or(f64::NEG_INFINITY, Instant::epoch_seconds);
    let after = after.map(|after| after.score());
    let exclusive = end.map_or("+inf".to_owned(), |end| format!("({}", end.epoch_seconds()));
    match order {
        Order::Ascending => Bounds {
            near: after.map_or(start, |score| score.max(start)).to_string(),
            far: exclusive,
        },
        Order::Descending => {
            // A position of other filters may be outside of the range.
            let inside = after.filter(|it| end.is_none_or(|end| *it < end.epoch_seconds()));
            let near = inside.map_or(exclusive, |score| score.to_string());
            Bounds { near, far: start.to_string() }
        }
    }
}
