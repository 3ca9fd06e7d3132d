//! Rollups of the days of sites: computed when a question first needs them, valid while their day has as many
//! members as they were computed from.
//!
//! | file | what it owns |
//! |---|---|
//! | `question` | what is asked of a site |
//! | `rollup_store` | [`RollupStore`]: aggregates of a site, from rollups and members |
//! | `days` | the rollups of some days: cached, stored, or computed |
//! | `day_cache` | decoded rollups of this process |
//! | `generation` | the rollup generation of a site |
//! | `stored_days` | the stored rollups of some days, and which of them are valid |
//! | `day_members` | readings of days become rollups |
//! | `pause` | no attempts without a permission |
//! | `keep` | stores rollups, unless readings were removed meanwhile |
//!
//! The writer of readings knows nothing of this. A reading that is added, by whatever writer, changes the number of
//! members, and the rollup is not used any more. A removal leaves no rollup of its days
//! (`store::series::invalidation`). One race is left, and the generation ends it:
//!
//! | reader | removal |
//! |---|---|
//! | reads the generation, then the day's members | |
//! | | removes one of them; deletes the rollup; increases the generation |
//! | | (a late reading is stored: the number of members is as before) |
//! | stores the rollup: refused, the generation is another | |

mod day_cache;
mod day_members;
mod days;
mod generation;
mod keep;
mod pause;
mod question;
mod rollup_store;
mod stored_days;

pub use question::Question;
pub use rollup_store::{AggregateError, Built, RollupStore};
