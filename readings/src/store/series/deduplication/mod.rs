//! Writes that leave one reading of a device and an instant (`DEDUP_POLICY`), whatever the order in which its entries
//! are delivered.
//!
//! | file | what it owns |
//! |---|---|
//! | `policy` | [`Deduplication`]: which of several readings is kept |
//! | `script` | the script that writes readings of one site |
//! | `outcome` | its reply |
//! | `exact` | readings that the script does not compare |
//! | `decision` | which of them are kept and removed |
//! | `packed_day` | what a packed day has, for that comparison |
//! | `uncompared_days` | days with readings that are not compared with archived ones yet |
//!
//! The key of a reading is its device and its instant, however that is written. Redis finds the members with the same
//! score, and the script compares their devices. Scores of different instants differ until the year 2242; beyond, the
//! script leaves readings whose timestamps differ to `exact`.

mod decision;
mod exact;
mod outcome;
mod packed_day;
mod policy;
mod script;
mod uncompared_days;

pub use outcome::SiteOutcome;
pub use policy::{DedupPolicy, Deduplication};
pub(super) use script::{command, load};
pub use uncompared_days::{UncomparedDay, UncomparedDays};
