//! How many entries to read at a time, so that large ones do not fill memory.

/// The number of entries that is expected to have `budget` bytes, if they are as large as those that have
/// been read; at least 1.
pub(super) fn entries_within_budget(read: usize, bytes: usize, budget: usize) -> usize {
    (budget.saturating_mul(read) / bytes.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_entries_follows_their_average_size_and_is_at_least_one() {
        assert_eq!(entries_within_budget(4, 400, 1_000), 10);
        assert_eq!(entries_within_budget(1, 5_000, 1_000), 1);
        assert_eq!(entries_within_budget(0, 0, 1_000), 1);
    }
}
