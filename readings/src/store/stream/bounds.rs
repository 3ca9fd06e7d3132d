//! Which entries the stream holds (`XINFO STREAM`), and whether none is missing after an id.

use std::sync::LazyLock;

use redis::{Script, Value};

use super::reading_stream::ReadingStream;
use super::script_library::with_library;
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::stream_id::StreamId;

/// The ids of the stream. Without the entries, which may be large.
static BOUNDS: LazyLock<Script> = LazyLock::new(|| {
    with_library(
        "local described = redis.pcall('XINFO', 'STREAM', KEYS[1])
         if described.err then return described end
         local stream = named(described)
         local first = stream['first-entry']
         return {stream.length, stream['entries-added'] or false, first and first[1] or false,
             stream['last-generated-id']}",
    )
});

/// What the stream holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamBounds {
    /// The id of the oldest entry.
    pub first: Option<StreamId>,
    /// The highest id ever added; 0-0 without a stream.
    pub last: StreamId,
    /// Whether no entry was ever removed; false before Redis 7, which does not say.
    pub is_complete: bool,
}

impl StreamBounds {
    /// Whether the stream holds every entry that was ever added after `id`. False also when that is not known: the
    /// entry `id` itself was removed, and others may have been with it. False for an id above all that were added: the
    /// server has lost entries, or the id is of another stream.
    #[must_use]
    pub fn hold_all_after(&self, id: StreamId) -> bool {
        let is_first_held = self.first.is_some_and(|first| first <= id);
        id == self.last || id < self.last && (self.is_complete || is_first_held)
    }
}

impl ReadingStream {
    /// The bounds of the stream; those of an empty one when it does not exist.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn bounds(&self) -> StoreResult<StreamBounds> {
        const OPERATION: &str = "XINFO STREAM";
        let script = BOUNDS.key(self.keys().stream());
        let reply = match self.connection().eval(OPERATION, &script).await {
            Err(error) if error.is_missing_key() => return Ok(StreamBounds::default()),
            reply => reply?,
        };
        parse(reply).ok_or_else(|| self.connection().unexpected_reply(OPERATION))
    }
}

fn parse(reply: Value) -> Option<StreamBounds> {
    let [length, added, first, last] = <[Value; 4]>::try_from(reply::array(reply)?).ok()?;
    let length = reply::integer(&length)?;
    Some(StreamBounds {
        first: reply::stream_id(first),
        last: reply::stream_id(last)?,
        is_complete: reply::integer(&added) == Some(length),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A stream and all that happened to it.
    #[derive(Debug, Default)]
    struct Model {
        added: Vec<u64>,
        held: Vec<u64>,
    }

    impl Model {
        fn of(gaps: &[u64], trimmed: usize) -> Self {
            let ids = gaps.iter().scan(0, |id, gap| {
                *id += gap;
                Some(*id)
            });
            let added: Vec<u64> = ids.collect();
            let held = added.iter().copied().skip(trimmed).collect();
            Self { added, held }
        }

        fn bounds(&self) -> StreamBounds {
            StreamBounds {
                first: self.held.first().map(|&id| stream_id(id)),
                last: self.added.last().map_or(StreamId::ZERO, |&id| stream_id(id)),
                is_complete: self.held.len() == self.added.len(),
            }
        }
    }

    const fn stream_id(seq: u64) -> StreamId {
        StreamId { ms: 5, seq }
    }

    proptest! {
        #[test]
        fn a_removed_entry_after_the_id_is_never_overlooked(
            gaps in prop::collection::vec(1..4_u64, 0..12), trimmed in 0..14_usize, id in 0..40_u64,
        ) {
            let model = Model::of(&gaps, trimmed);
            let after = |ids: &[u64]| ids.iter().filter(|&&other| other > id).count();
            let is_missing = after(&model.added) > after(&model.held);
            let held = model.bounds().hold_all_after(stream_id(id));
            prop_assert!(!(held && is_missing));
            // An entry that is held, the last one, and any id of a complete stream are no false alarms.
            let is_last = model.added.last() == Some(&id);
            let is_certain = model.held.contains(&id) || is_last || trimmed == 0;
            let is_lost = model.added.last().is_none_or(|&last| id > last);
            prop_assert!(held || !is_certain || is_lost);
            prop_assert!(!(held && is_lost));
        }
    }
}
