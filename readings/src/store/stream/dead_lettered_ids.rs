//! The memory of dead-lettered ids, and the filter for entries that are delivered again.
//!
//! A group that was created again or set back delivers everything again. Storing an entry a second time
//! changes nothing; but a dead-lettered entry must not be stored as well. So each delivery is filtered
//! before it is processed, in one of two ways:
//!
//! - [`GroupReader::read_new`](super::GroupReader::read_new) pipelines [`dead_lettered_since`] with its
//!   read, which filters the usual delivery, of strictly newer ids, without a round trip;
//! - [`ReadingStream::dead_lettered_ids`] is requested for every other delivery.
//!
//! [`Delivery::filter_dead_lettered`](super::Delivery::filter_dead_lettered) applies both.

use std::collections::HashSet;

use redis::{Cmd, cmd};

use super::reading_stream::ReadingStream;
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::keys::Keys;
use crate::store::stream_id::StreamId;

/// Ids that [`dead_lettered_since`] gives at most; a reply with as many may lack some. Too low and bursts
/// of dead letters cost round trips; too high and the reply to each read may be large.
pub(super) const DEAD_LETTERED_PAGE: usize = 1_000;

const ZRANGE: &str = "ZRANGE";

/// The command for the ids of dead-lettered entries from this id's millisecond on.
pub(super) fn dead_lettered_since(keys: &Keys, newest: StreamId) -> Cmd {
    let mut command = cmd(ZRANGE);
    command.arg(keys.dead_lettered_ids()).arg(newest.ms).arg("+inf").arg("BYSCORE");
    command.arg("LIMIT").arg(0).arg(DEAD_LETTERED_PAGE);
    command
}

impl ReadingStream {
    /// Those of these ids that were dead-lettered, though their dead letters may be deleted since.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn dead_lettered_ids(
        &self,
        ids: impl IntoIterator<Item = StreamId>,
    ) -> StoreResult<HashSet<StreamId>> {
        let ids: HashSet<_> = ids.into_iter().collect();
        let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else {
            return Ok(ids);
        };
        let mut command = cmd(ZRANGE);
        command.arg(self.keys().dead_lettered_ids()).arg(first.ms).arg(last.ms).arg("BYSCORE");
        let found = reply::array(self.connection().send(ZRANGE, &command).await?);
        let found = found.ok_or_else(|| self.connection().unexpected_reply(ZRANGE))?.into_iter();
        Ok(found.filter_map(reply::stream_id).filter(|id| ids.contains(id)).collect())
    }
}
