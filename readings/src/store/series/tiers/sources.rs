//! Where the tiers of sites are.

use std::sync::Arc;

use crate::store::archive::DayArchive;
use crate::store::connection::SharedConnection;
use crate::store::packed::PackedDays;

/// Where the tiers of sites are.
#[derive(Debug, Clone)]
pub(in crate::store::series) struct TierSources {
    pub connection: SharedConnection,
    pub packed: PackedDays,
    /// Without one, what needs an archived day fails.
    pub archive: Option<Arc<dyn DayArchive>>,
}
