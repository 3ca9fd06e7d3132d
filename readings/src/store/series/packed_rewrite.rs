//! Writes a packed day again without some of its members.

use std::collections::HashSet;

use super::series_store::SeriesStore;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::error::StoreResult;
use crate::store::error_class::ErrorClass;
use crate::store::packed::{
    ArchivedDay, Changed, Contents, DayChange, DayHeader, PackedMembers, PackedValue,
};

const HSET: &str = "HSET";

impl SeriesStore {
    /// Writes the packed members of a day without these. Where archived ones are among them, all that are left are packed,
    /// and the archive's do not count any more.
    pub(super) async fn rewrite_without(
        &self,
        (site, day): (&SiteId, Day),
        before: &DayHeader,
        (packed, archived): (&PackedMembers, &PackedMembers),
        removed: &HashSet<&[u8]>,
    ) -> StoreResult<Changed> {
        let is_superseded = archived.iter().any(|member| removed.contains(member));
        let left = if is_superseded {
            packed.union(archived).without(removed)
        } else {
            packed.without(removed)
        };
        let archived = if is_superseded { Some(ArchivedDay::Superseded) } else { before.archived };
        let header = DayHeader {
            revision: before.revision.wrapping_add(1),
            is_complete: before.is_complete || left.is_empty(),
            packed: if left.is_empty() { Contents::default() } else { left.contents() },
            archived,
        };
        let value = if left.is_empty() {
            PackedValue::Removed
        } else {
            let block = left.to_block(header.revision);
            PackedValue::Set(block.map_err(|error| {
                let text = format!("the packed day {day} of site {site}: {error}");
                self.connection().found(HSET, ErrorClass::Other, text)
            })?)
        };
        let change = DayChange {
            day,
            expected: Some(before),
            lease: None,
            header: &header,
            value,
            added: &[],
            removed: &[],
        };
        self.packed().change(site, &change).await
    }
}
