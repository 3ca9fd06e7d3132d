//! Reads a site's readings page by page.

use super::order::TieSorter;
use super::page::Page;
use super::selection::Order;
use super::tiers::{MAX_PAGE_SIZE, MemberPages, MembersOrDays, Scores, TierSources};
use crate::reading::SiteId;
use crate::store::error::StoreResult;

/// Reads one site's readings in their order, with the memory of one page however many there are.
#[derive(Debug)]
pub struct SeriesReader {
    pages: MemberPages,
    sorter: TieSorter,
}

impl SeriesReader {
    pub(super) fn new(sources: TierSources, site: &SiteId) -> Self {
        let order = Order::Ascending;
        let pages = MemberPages::new(sources, site, order, Scores::ALL, MAX_PAGE_SIZE);
        Self { pages, sorter: TieSorter::default() }
    }

    /// The next readings, oldest first; `None` after the last. A page may be empty.
    ///
    /// # Errors
    /// When the server did not reply; the same page can be requested again.
    pub async fn next_page(&mut self) -> StoreResult<Option<Page>> {
        let Some(part) = self.pages.next_part().await? else { return Ok(None) };
        let mut page = Page::default();
        match part {
            MembersOrDays::Members(members) => {
                for (score, member) in members {
                    self.sorter.push(score, member, &mut page);
                }
            }
            MembersOrDays::Days(days) => {
                // Members of another day have another score.
                self.sorter.finish(&mut page);
                page.days = days;
            }
        }
        if self.has_ended() {
            self.sorter.finish(&mut page);
        }
        Ok(Some(page))
    }

    /// Whether the last page has been read.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.pages.has_ended()
    }
}
