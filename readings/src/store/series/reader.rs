//! Reads a site's readings page by page.

use super::member_pages::{Bounds, MAX_PAGE_SIZE, MemberPages};
use super::order::TieSorter;
use super::page::Page;
use super::selection::Order;
use crate::reading::SiteId;
use crate::store::connection::SharedConnection;
use crate::store::error::StoreResult;

/// Reads one site's readings in their order, with the memory of one page however many there are.
#[derive(Debug)]
pub struct SeriesReader {
    pages: MemberPages,
    sorter: TieSorter,
}

impl SeriesReader {
    pub(super) fn new(connection: SharedConnection, site: &SiteId) -> Self {
        let all = Bounds { near: "-inf".to_owned(), far: "+inf".to_owned() };
        let pages = MemberPages::new(connection, site, Order::Ascending, all, MAX_PAGE_SIZE);
        Self { pages, sorter: TieSorter::default() }
    }

    /// The next readings, oldest first; `None` after the last. A page may be empty.
    ///
    /// # Errors
    /// When the server did not reply; the same page can be requested again.
    pub async fn next_page(&mut self) -> StoreResult<Option<Page>> {
        let Some(members) = self.pages.next().await? else { return Ok(None) };
        let mut page = Page::default();
        for (score, member) in members {
            self.sorter.push(score, member, &mut page);
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
