//! The members of a site in all tiers as one sequence in Redis' order: as if all were in the sorted set.
//!
//! Imports go down this list:
//!
//! | file | what it owns |
//! |---|---|
//! | `member_pages` | [`MemberPages`]: the pages of all tiers, whatever is packed, unpacked or archived meanwhile |
//! | `plan` | what is read next: a range of the sorted set, or days that have members outside of it |
//! | `day_reader` | reads days that have members outside of the sorted set, several in one round trip |
//! | `tiered_day` | the members of such a day, each once |
//! | `archived_days` | what the archive has of days: members, or samples |
//! | `hot_pages` | pages of the sorted set: the scripts and ranges by which they are read |
//! | `sources` | where the tiers are |
//! | `scored_member`, `scores` | members with scores, and ranges of scores |
//!
//! What was read of a day counts if its header is the same before and after: each change of a day, but the removal of
//! members that its packed value has, changes the header. The version of the site's days tells whether any has changed, so
//! that headers are read again only then; and a site of which no day was ever packed has no version.

pub(super) mod archived_days;
mod day_reader;
mod hot_pages;
mod member_pages;
mod plan;
mod scored_member;
mod scores;
mod sources;
mod tiered_day;

pub(super) use member_pages::{MAX_PAGE_SIZE, MemberPages, MembersOrDays, MembersOrSamples};
pub(super) use scored_member::ScoredMember;
pub(super) use scores::Scores;
pub(super) use sources::TierSources;
