//! The members of archived days, for what changes them.

use super::series_store::SeriesStore;
use super::tiers::archived_days;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::error::StoreResult;
use crate::store::packed::{Contents, PackedMembers};

impl SeriesStore {
    /// The members of an archived day, of which its header says this.
    ///
    /// # Errors
    /// When the archive does not reply, has fewer of them, or is not configured.
    pub(in crate::store) async fn archived_members(
        &self,
        site: &SiteId,
        day: Day,
        expected: Contents,
    ) -> StoreResult<PackedMembers> {
        archived_days::members_of(self.archive().map(AsRef::as_ref), site, day, expected).await
    }
}
