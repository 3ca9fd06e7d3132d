//! The rollup generation of a site.
//!
//! It begins as the time at which the first rollup is stored, in microseconds since the Unix epoch, and each
//! removal increases it: rollups that are deleted as a whole never get a generation again that they had.

use std::time::{SystemTime, UNIX_EPOCH};

/// A lower generation was begun by a removal from a site without rollups, and may come again.
pub(super) const FIRST_UNIQUE: u64 = 1_000_000_000_000_000;

/// A generation for a site that has none.
pub(super) fn first() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX).max(FIRST_UNIQUE)
}

/// Whether no other state of the rollups has had it.
pub(super) fn is_unique(generation: &[u8]) -> bool {
    let number = str::from_utf8(generation).ok().and_then(|text| text.parse::<u64>().ok());
    number.is_some_and(|number| number >= FIRST_UNIQUE)
}
