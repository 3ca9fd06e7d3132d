//! Rollups of the days of sites: computed when a question first needs them, valid while their day has the signature that
//! it had when they were computed.
//!
//! | file | what it owns |
//! |---|---|
//! | `question` | what is asked of a site |
//! | `rollup_store` | [`RollupStore`]: aggregates of a site, from rollups and members |
//! | `days` | the rollups of some days: cached, stored, or computed |
//! | `day_cache` | decoded rollups of this process |
//! | `generation` | the rollup generation of a site |
//! | `tier_counts` | which members days have, in which tiers |
//! | `stored_days` | the stored rollups of some days, and which of them are valid |
//! | `day_members` | readings of days become rollups |
//! | `pause` | no attempts without a permission |
//! | `keep` | stores rollups, unless readings were removed meanwhile |
//!
//! The signature of a day is the number of its members in all tiers, and the revision of its header
//! ([`DayHeader::signature`](super::packed::DayHeader::signature)): the same before and after the day is packed for the
//! first time, and before and after it is archived. So a rollup of an archived day is valid without the archive.
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
//!
//! The reader may read from a replica; it stores on the primary. A replica executes the same commands in the same order,
//! so its state is an earlier one of the primary, and the table holds; as long as generation and members are read from
//! the same replica.

mod day_cache;
mod day_members;
mod days;
mod generation;
mod keep;
mod pause;
mod question;
mod rollup_store;
mod stored_days;
mod tier_counts;

pub use question::Question;
pub use rollup_store::{AggregateError, Built, RollupStore};
