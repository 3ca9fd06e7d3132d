//! Writes that leave one reading of a device and an instant (`DEDUP_POLICY`), whatever the order in which its entries
//! are delivered.
//!
//! | file | what it owns |
//! |---|---|
//! | `policy` | [`Deduplication`]: which of several readings is kept |
//! | `script` | the script that writes readings of one site |
//! | `outcome` | its reply |
//! | `exact` | readings whose instants only a parser can compare |
//!
//! The key of a reading is its device and its instant, however that is written. Redis finds the members with the same
//! score, and the script compares their devices. Scores of different instants differ until the year 2242; beyond, the
//! script leaves readings whose timestamps differ to `exact`.

mod exact;
mod outcome;
mod policy;
mod script;

pub use outcome::SiteOutcome;
pub use policy::{DedupPolicy, Deduplication};
pub(super) use script::{command, load};
