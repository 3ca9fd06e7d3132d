//! How much to ask for at a time, so that large entries do not fill the memory of who asks.

/// How many entries are likely to have so many bytes, going by those that have been read; one at least.
pub(super) fn affordable(read: usize, bytes: usize, budget: usize) -> usize {
    (budget.saturating_mul(read) / bytes.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_asked_for_as_the_budget_is_likely_to_pay_for_and_one_in_any_case() {
        assert_eq!(affordable(4, 400, 1_000), 10);
        assert_eq!(affordable(1, 5_000, 1_000), 1);
        assert_eq!(affordable(0, 0, 1_000), 1);
    }
}
