//! Packs closed days of sites.
//!
//! | file | what it owns |
//! |---|---|
//! | `hot_members` | the members of a day in the sorted set |
//! | `collected` | what a packed day is to have |
//! | `day_packer` | packs one day, by steps each of which leaves every reading in a tier |
//! | `site_packer` | which days of a site are packed |
//! | `unpacker` | restores the members of days |

mod collected;
mod day_packer;
mod hot_members;
mod site_packer;
mod unpacker;

pub use day_packer::DayOutcome;
pub use site_packer::{DueSite, SitePacker, SitePacking, closed_before};
pub use unpacker::{Unpacked, Unpacker};
