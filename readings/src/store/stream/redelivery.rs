//! Which entries may be written once more.

use std::collections::HashMap;
use std::time::Duration;

use redis::pipe;

use super::reading_stream::{ReadingStream, milliseconds};
use crate::store::codec::FIELD_NAMES;
use crate::store::connection::reply;
use crate::store::deleted_ids::DeletedIds;
use crate::store::error::StoreResult;
use crate::store::stream_id::StreamId;

/// How long a process may hold an entry in its memory that is acknowledged and trimmed. Too low and a process that was
/// frozen that long stores a reading that was deleted meanwhile; too high and deleted ids take memory (some 90 bytes
/// each, less than the readings did).
const IN_MEMORY: Duration = Duration::from_hours(1);

impl ReadingStream {
    /// The first entry that may be written once more: entries before it are not in the stream, and old.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub(in crate::store) async fn first_redeliverable(&self) -> StoreResult<StreamId> {
        let now = self.server_time().await?;
        let ms = milliseconds(now.saturating_sub(IN_MEMORY));
        let remembered = StreamId { ms, seq: 0 };
        let first = self.info().await?.and_then(|info| info.first_entry);
        Ok(first.map_or(remembered, |first| remembered.min(first.id)))
    }

    /// Forgets deleted ids of entries that are not written once more.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn forget_deleted_ids(&self, deleted_ids: &DeletedIds) -> StoreResult<()> {
        if deleted_ids.is_empty().await? {
            return Ok(());
        }
        deleted_ids.forget_before(self.first_redeliverable().await?).await
    }

    /// The sites of those entries with these ids that are in the stream; none of an entry that is no reading.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub(in crate::store) async fn sites_of(
        &self,
        ids: &[StreamId],
    ) -> StoreResult<HashMap<StreamId, Option<String>>> {
        const XRANGE: &str = "XRANGE";
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut commands = pipe();
        for id in ids {
            let id = id.to_string();
            commands.cmd(XRANGE).arg(self.keys().stream()).arg(&id).arg(&id);
        }
        let (replies, _) = self.connection().send_all(XRANGE, &commands).await?;
        let mut sites = HashMap::with_capacity(ids.len());
        for reply in replies {
            let entries = reply::entries(reply?);
            let entries = entries.ok_or_else(|| self.connection().unexpected_reply(XRANGE))?;
            sites.extend(entries.into_iter().map(|entry| (entry.id, site(entry))));
        }
        Ok(sites)
    }
}

fn site(entry: reply::RawEntry) -> Option<String> {
    let mut fields = entry.fields?.into_iter();
    let (_, site) = fields.find(|(name, _)| name == FIELD_NAMES[0].as_bytes())?;
    String::from_utf8(site).ok()
}
