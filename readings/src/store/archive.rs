//! Days of sites outside of Redis.
//!
//! Which days those are is known to Redis alone ([`super::packed::DayHeader::archived`]); what has their readings is given to
//! the stores that read them. Without it, or while it does not reply, a question that needs such a day fails: an answer
//! is never shorter than what was stored.

use std::fmt::Debug;

use futures_util::future::BoxFuture;

pub use super::archive_error::ArchiveError;
use super::device_sample::DeviceSample;
use super::packed::{Contents, PackedMembers};
use crate::energy::rollup::Day;
use crate::reading::SiteId;

/// Reads the archived days of sites.
///
/// Each day comes with what its header says. An archive that has replaced these readings since gives them as long as it
/// keeps them: Redis may have been restored from a backup, or have lost its last writes.
pub trait DayArchive: Debug + Send + Sync {
    /// The members of these days, in the order of the days; of a day without readings no members.
    ///
    /// # Errors
    /// When the archive does not reply, or lacks a file.
    fn members<'a>(
        &'a self,
        site: &'a SiteId,
        days: &'a [(Day, Contents)],
    ) -> BoxFuture<'a, Result<Vec<PackedMembers>, ArchiveError>>;

    /// What arithmetic needs of these days, in the order of instants, of one instant and device of stream ids. Days between
    /// them may be among it.
    ///
    /// # Errors
    /// When the archive does not reply, or lacks a file.
    fn samples<'a>(
        &'a self,
        site: &'a SiteId,
        days: &'a [(Day, Contents)],
    ) -> BoxFuture<'a, Result<Vec<DeviceSample>, ArchiveError>>;
}
