//! How often a row was there before, in little memory.

use std::collections::HashMap;

/// How many rows are remembered: 5 to 6 bytes each, so 240 MB. A file with more is counted in parts.
/// Too low: of two large exports that overlap, rows in another part are added twice. Too high: memory.
const MAX_ROWS: usize = 40_000_000;

/// What a row that is there more than once takes, in rows that are not.
const REPEATED_ROW: usize = 8;

/// Counts rows by the hashes of what they say.
///
/// Two rows with one hash count as equal. That is harmless: their keys bear a digest of their own,
/// and the numbers are the same whenever the file is read.
pub struct Occurrences {
    seen: Seen,
    repeated: HashMap<u64, u64>,
    part: u32,
    max_rows: usize,
}

impl Default for Occurrences {
    fn default() -> Self {
        Self { seen: Seen::default(), repeated: HashMap::new(), part: 0, max_rows: MAX_ROWS }
    }
}

impl Occurrences {
    /// The part of the file, from 0, and how many rows of it before had this hash.
    pub fn count(&mut self, hash: u64) -> (u32, u64) {
        if self.seen.rows + REPEATED_ROW * self.repeated.len() >= self.max_rows {
            self.seen = Seen::default();
            self.repeated.clear();
            self.part = self.part.saturating_add(1);
        }
        if self.seen.add(hash) {
            return (self.part, 0);
        }
        let number = self.repeated.entry(hash).or_default();
        *number = number.saturating_add(1);
        (self.part, *number)
    }
}

/// A set of hashes, of which 48 bits count: 16 choose a list, 32 are in it. A list is sorted, and
/// short: some hundred are moved to put one in.
struct Seen {
    lists: Vec<Vec<u32>>,
    rows: usize,
}

impl Default for Seen {
    fn default() -> Self {
        Self { lists: vec![Vec::new(); 1 << 16], rows: 0 }
    }
}

impl Seen {
    /// Adds a hash, and says whether it is new.
    fn add(&mut self, hash: u64) -> bool {
        let [which @ .., _, _, _, _, _, _] = hash.to_be_bytes();
        let list = &mut self.lists[usize::from(u16::from_be_bytes(which))];
        let [_, _, rest @ .., _, _] = hash.to_be_bytes();
        let rest = u32::from_be_bytes(rest);
        let Err(place) = list.binary_search(&rest) else { return false };
        if list.len() == list.capacity() {
            // Doubling, as it does by itself, would leave a third of the memory unused.
            list.reserve_exact(8 + list.len() / 8);
        }
        list.insert(place, rest);
        self.rows += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// Spread like the hashes of rows.
    fn hash(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    impl Occurrences {
        /// After so many parts, and so many rows that are `a`.
        pub fn at(part: u32, number: u64) -> Self {
            let first = u64::from_be_bytes(Sha256::digest("a")[..8].try_into().unwrap());
            let mut occurrences = Self { part, ..Self::default() };
            occurrences.seen.add(first);
            occurrences.repeated.insert(first, number);
            occurrences
        }
    }

    #[test]
    fn every_row_is_numbered_by_those_that_are_equal() {
        let mut occurrences = Occurrences::default();
        for round in 0..3 {
            for row in 0..1_000 {
                assert_eq!(occurrences.count(hash(row)), (0, round));
            }
        }
    }

    #[test]
    fn a_file_with_too_many_rows_is_counted_in_parts_and_the_same_the_second_time() {
        let count = || {
            let mut occurrences = Occurrences { max_rows: 100, ..Occurrences::default() };
            (0..1_000).map(|row| occurrences.count(hash(row % 150))).collect::<Vec<_>>()
        };
        let counts = count();
        assert_eq!((counts[99], counts[100], counts[150]), ((0, 0), (1, 0), (1, 0)));
        let parts = counts.iter().map(|(part, _)| part);
        assert!(parts.is_sorted());
        assert_eq!(counts, count());
    }

    #[test]
    fn rows_that_are_always_the_same_fill_no_memory() {
        let mut occurrences = Occurrences::default();
        let last = (0..100_000).map(|row| occurrences.count(hash(row % 2))).last();
        assert_eq!(last, Some((0, 49_999)));
        assert_eq!((occurrences.seen.rows, occurrences.repeated.len()), (2, 2));
    }
}
