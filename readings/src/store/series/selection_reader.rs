//! Reads a selection of a site's readings, page by page, in either order.

use std::sync::LazyLock;

use redis::{Script, Value, cmd};

use super::selected_page::{Selected, SelectedPage};
use super::selected_ties::SelectedTies;
use super::selection::{Order, Position, Selection};
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::codec::StoredReading;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;

/// The most members that are read at once, as of [`SeriesReader`](super::SeriesReader).
const MAX_PAGE_SIZE: usize = 2_000;

/// The fewest. Too low and readings of one instant take a round trip each; too high and a page of few readings
/// costs Redis more than it needs.
const MIN_PAGE_SIZE: usize = 100;

/// The page beyond a member. By rank, which is read in the same atomic step, as of
/// [`SeriesReader`](super::SeriesReader).
static PAGE_BEYOND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local rank = redis.call('ZRANK', KEYS[1], ARGV[1])
         if not rank then return false end
         if ARGV[3] == 'asc' then
             return redis.call('ZRANGE', KEYS[1], rank + 1, rank + ARGV[2], 'WITHSCORES')
         end
         if rank == 0 then return {} end
         return redis.call('ZRANGE', KEYS[1], math.max(0, rank - ARGV[2]), rank - 1, 'WITHSCORES')",
    )
});

const EVALSHA: &str = "EVALSHA";
const ZRANGE: &str = "ZRANGE";

/// A member with its score.
type ScoredMember = (f64, Vec<u8>);

/// Reads a selection with the memory of one page, however many readings it has.
#[derive(Debug)]
pub struct SelectionReader {
    connection: SharedConnection,
    key: String,
    selection: Selection,
    page_size: usize,
    last: Option<ScoredMember>,
    ties: SelectedTies,
    ended: bool,
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
        Self {
            connection,
            key: keys::series(site),
            page_size: wanted.clamp(MIN_PAGE_SIZE, MAX_PAGE_SIZE),
            last: None,
            ties: SelectedTies::new(selection.order),
            ended: false,
            selection,
        }
    }

    /// The next readings; `None` after the last. A page may be empty.
    ///
    /// # Errors
    /// When the server did not reply; the same page can be requested again.
    pub async fn next_page(&mut self) -> StoreResult<Option<SelectedPage>> {
        if self.ended {
            return Ok(None);
        }
        let members = self.fetch().await?;
        let is_beyond = members.last().is_some_and(|(score, _)| self.is_beyond_range(*score));
        self.ended = members.len() < self.page_size || is_beyond;
        self.last = members.last().cloned().or(self.last.take());
        let mut page = SelectedPage::default();
        for (score, member) in members {
            self.select(score, member, &mut page);
        }
        if self.ended {
            self.ties.finish(&mut page.readings);
        }
        Ok(Some(page))
    }

    /// Whether the last page has been read.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
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

    /// The members after the last one: a page of them, or fewer at the end.
    async fn fetch(&self) -> StoreResult<Vec<ScoredMember>> {
        let Some((_, last)) = &self.last else { return self.fetch_by_score().await };
        let is_ascending = self.selection.order == Order::Ascending;
        let mut script = PAGE_BEYOND.key(&self.key);
        script.arg(last).arg(self.page_size).arg(if is_ascending { "asc" } else { "desc" });
        let mut members = match self.connection.eval(EVALSHA, &script).await? {
            // It was deleted meanwhile.
            Value::Nil | Value::Boolean(false) => return self.fetch_by_score().await,
            members => self.scored_members(EVALSHA, members)?,
        };
        if !is_ascending {
            members.reverse();
        }
        Ok(members)
    }

    /// The same by the last score; members of that score sort before the last one or after it.
    async fn fetch_by_score(&self) -> StoreResult<Vec<ScoredMember>> {
        let mut members = Vec::new();
        let mut offset = 0;
        while members.len() < self.page_size {
            let found = self.fetch_from(offset).await?;
            offset += found.len();
            let is_complete = found.len() < self.page_size;
            members.extend(found.into_iter().filter(|member| self.is_after_last(member)));
            if is_complete {
                break;
            }
        }
        members.truncate(self.page_size);
        Ok(members)
    }

    async fn fetch_from(&self, offset: usize) -> StoreResult<Vec<ScoredMember>> {
        let (near, far) = self.bounds();
        let mut command = cmd(ZRANGE);
        command.arg(&self.key).arg(near).arg(far).arg("BYSCORE");
        if self.selection.order == Order::Descending {
            command.arg("REV");
        }
        command.arg("LIMIT").arg(offset).arg(self.page_size).arg("WITHSCORES");
        self.scored_members(ZRANGE, self.connection.send(ZRANGE, &command).await?)
    }

    /// The scores between which the rest of the selection is, as arguments of `ZRANGE`.
    fn bounds(&self) -> (String, String) {
        let Selection { start, end, after, order, .. } = &self.selection;
        let start = start.map_or(f64::NEG_INFINITY, Instant::epoch_seconds);
        let reached = self.last.as_ref().map(|(score, _)| *score);
        let reached = reached.or(after.map(|after| after.score()));
        let exclusive = end.map_or("+inf".to_owned(), |end| format!("({}", end.epoch_seconds()));
        match order {
            Order::Ascending => (reached.map_or(start, |it| it.max(start)).to_string(), exclusive),
            Order::Descending => {
                // A position of other filters may be outside of the range.
                let inside = reached.filter(|it| end.is_none_or(|end| *it < end.epoch_seconds()));
                (inside.map_or(exclusive, |it| it.to_string()), start.to_string())
            }
        }
    }

    fn is_beyond_range(&self, score: f64) -> bool {
        let Selection { start, end, order, .. } = &self.selection;
        match order {
            Order::Ascending => end.is_some_and(|end| score >= end.epoch_seconds()),
            Order::Descending => start.is_some_and(|start| score < start.epoch_seconds()),
        }
    }

    fn is_after_last(&self, (score, member): &ScoredMember) -> bool {
        let Some(last) = &self.last else { return true };
        let ordering = score.total_cmp(&last.0).then_with(|| member.cmp(&last.1));
        if self.selection.order == Order::Ascending { ordering.is_gt() } else { ordering.is_lt() }
    }

    fn scored_members(
        &self,
        operation: &'static str,
        reply: Value,
    ) -> StoreResult<Vec<ScoredMember>> {
        reply::scored_members(reply).ok_or_else(|| self.connection.unexpected_reply(operation))
    }
}
