//! Packed days: the members of a closed UTC day of a site as one compressed value.
//!
//! | file | what it owns |
//! |---|---|
//! | `header` | [`DayHeader`]: what is known of a day without its members |
//! | `block` | [`PackedMembers`], and the value that has them |
//! | `subsets` | parts and unions of members |
//! | `site_days` | [`SiteDays`]: the days of a site at one version |
//! | `summary` | [`DaysSummary`]: all days of a site together |
//! | `stored_summary` | the summary in Redis |
//! | `change` | [`DayChange`]: changes a day, unless it was changed meanwhile |
//! | `packed_days` | [`PackedDays`]: reads and changes days |
//! | `packed_part` | [`PackedPart`]: the packed value of a day, compared with its header |
//!
//! A reading may be in several tiers at a time: the sorted set (hot), its packed day, and the archive. It is one member, a
//! pure function of its entry, so equal bytes are one reading wherever they are; each reader takes the union. Nothing is
//! counted up, so an entry that is delivered again after its day was packed is a second copy of one reading, and not a
//! second reading.
//!
//! A day changes in one step (`change`), which fails where the day is not as it was when it was read. So of two processes
//! that change one day, the second reads it again.
//!
//! Members that are not as this program and the original write them, or whose score is not that of their timestamp, stay
//! in the sorted set.

mod block;
mod change;
mod header;
mod packed_days;
mod packed_part;
mod site_days;
mod stored_summary;
mod subsets;
mod summary;

pub use block::{BlockError, FIRST_PACKABLE, MAX_BYTES, PackedMembers, Packing, Pushed, TooLarge};
pub use change::{CHANGED_MEMBERS, Changed, DayChange, PackedValue};
pub use header::{ArchivedDay, Contents, DayHeader, checksum};
pub use packed_days::PackedDays;
pub use packed_part::{DamagedValue, PackedPart};
pub use site_days::SiteDays;
pub(in crate::store) use stored_summary::{FoundSummary, summary};
pub use summary::{DaysSummary, FIRST_PLAUSIBLE_MICROS};
