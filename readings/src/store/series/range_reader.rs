//! Reads the readings of a site within a range of time, page by page.

use redis::{Value, cmd};

use super::order::TieSorter;
use super::page::Page;
use crate::energy::calendar::Range;
use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;

/// Members of one page, as of [`SeriesReader`](super::SeriesReader).
const PAGE_SIZE: usize = 2_000;

const ZRANGE: &str = "ZRANGE";

/// A member with its score.
type ScoredMember = (f64, Vec<u8>);

/// Reads the readings of a range in their order, with the memory of one page. Each page continues after the
/// last member by score and bytes, so insertions and deletions between two pages neither repeat nor skip others.
#[derive(Debug)]
pub struct RangeReader {
    connection: SharedConnection,
    key: String,
    start: f64,
    end: String,
    last: Option<ScoredMember>,
    sorter: TieSorter,
    ended: bool,
}

impl RangeReader {
    pub(super) fn new(connection: SharedConnection, site: &SiteId, range: Range) -> Self {
        Self {
            connection,
            key: keys::series(site),
            start: range.start().epoch_seconds(),
            end: format!("({}", range.end().epoch_seconds()),
            last: None,
            sorter: TieSorter::default(),
            ended: false,
        }
    }

    /// The next readings, oldest first; `None` after the last. A page may be empty.
    ///
    /// # Errors
    /// When the server did not reply; the same page can be requested again.
    pub async fn next_page(&mut self) -> StoreResult<Option<Page>> {
        if self.ended {
            return Ok(None);
        }
        let members = self.fetch().await?;
        self.ended = members.len() < PAGE_SIZE;
        self.last = members.last().cloned().or(self.last.take());
        let mut page = Page::default();
        for (score, member) in members {
            self.sorter.push(score, member, &mut page);
        }
        if self.ended {
            self.sorter.finish(&mut page);
        }
        Ok(Some(page))
    }

    /// The members after the last one: a page of them, or fewer at the end.
    async fn fetch(&self) -> StoreResult<Vec<ScoredMember>> {
        let mut members = Vec::new();
        let mut offset = 0;
        // Members with the score of the last one sort before it or after it.
        while members.len() < PAGE_SIZE {
            let found = self.fetch_from(offset).await?;
            offset += found.len();
            let is_complete = found.len() < PAGE_SIZE;
            members.extend(found.into_iter().filter(|member| self.is_after_last(member)));
            if is_complete {
                break;
            }
        }
        members.truncate(PAGE_SIZE);
        Ok(members)
    }

    async fn fetch_from(&self, offset: usize) -> StoreResult<Vec<ScoredMember>> {
        let start = self.last.as_ref().map_or(self.start, |(score, _)| *score);
        let mut command = cmd(ZRANGE);
        command.arg(&self.key).arg(start).arg(&self.end).arg("BYSCORE");
        command.arg("LIMIT").arg(offset).arg(PAGE_SIZE).arg("WITHSCORES");
        let members: Value = self.connection.send(ZRANGE, &command).await?;
        reply::scored_members(members).ok_or_else(|| self.connection.unexpected_reply(ZRANGE))
    }

    fn is_after_last(&self, (score, member): &ScoredMember) -> bool {
        self.last
            .as_ref()
            .is_none_or(|last| score.total_cmp(&last.0).then_with(|| member.cmp(&last.1)).is_gt())
    }
}
