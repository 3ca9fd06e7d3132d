//! Counts the occurrences of each row, in 5 to 6 bytes a row.

use std::collections::HashMap;

/// How many rows one part of a file has: 5 to 6 bytes each, so 240 MB. Occurrences are counted in each part separately.
/// Too low: of two overlapping large exports, rows in different parts are added twice. Too high: memory.
const MAX_ROWS: usize = 40_000_000;

/// Memory of a row that occurs more than once, in units of one that does not.
const REPEATED_ROW: usize = 8;

/// Counts rows by the hash of their request bodies.
///
/// Different rows with equal hashes count as equal. That is harmless: their keys contain different digests, and the
/// counts are the same in every import.
pub struct Occurrences {
    hashes: HashSet48,
    repeated: HashMap<u64, u64>,
    part: u32,
    max_rows: usize,
}

impl Default for Occurrences {
    fn default() -> Self {
        Self { hashes: HashSet48::default(), repeated: HashMap::new(), part: 0, max_rows: MAX_ROWS }
    }
}

impl Occurrences {
    /// The current part of the file, from 0, and the number of earlier rows in it with this hash.
    pub fn count(&mut self, hash: u64) -> (u32, u64) {
        if self.hashes.rows + REPEATED_ROW * self.repeated.len() >= self.max_rows {
            self.hashes = HashSet48::default();
            self.repeated.clear();
            self.part = self.part.saturating_add(1);
        }
        if self.hashes.insert(hash) {
            return (self.part, 0);
        }
        let number = self.repeated.entry(hash).or_default();
        *number = number.saturating_add(1);
        (self.part, *number)
    }
}

/// A set of 48-bit hashes: 16 bits select a list, 32 are stored in it. Lists are sorted, and short enough that an
/// insertion moves a few hundred elements.
struct HashSet48 {
    lists: Vec<Vec<u32>>,
    rows: usize,
}

impl Default for HashSet48 {
    fn default() -> Self {
        Self { lists: vec![Vec::new(); 1 << 16], rows: 0 }
    }
}

impl HashSet48 {
    /// Inserts a hash. Returns whether it was new, like [`std::collections::HashSet::insert`].
    fn insert(&mut self, hash: u64) -> bool {
        let [list @ .., _, _, _, _, _, _] = hash.to_be_bytes();
        let list = &mut self.lists[usize::from(u16::from_be_bytes(list))];
        let [_, _, rest @ .., _, _] = hash.to_be_bytes();
        let rest = u32::from_be_bytes(rest);
        let Err(place) = list.binary_search(&rest) else { return false };
        if list.len() == list.capacity() {
            // The default, doubling, would leave a third of the memory unused.
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

    /// Uniformly distributed, like the hashes of rows.
    fn hash(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    impl Occurrences {
        /// In this part, after this number of rows `a`.
        pub fn at(part: u32, number: u64) -> Self {
            let first = u64::from_be_bytes(Sha256::digest("a")[..8].try_into().unwrap());
            let mut occurrences = Self { part, ..Self::default() };
            occurrences.hashes.insert(first);
            occurrences.repeated.insert(first, number);
            occurrences
        }
    }

    #[test]
    fn each_row_is_numbered_among_its_equals() {
        let mut occurrences = Occurrences::default();
        for round in 0..3 {
            for row in 0..1_000 {
                assert_eq!(occurrences.count(hash(row)), (0, round));
            }
        }
    }

    #[test]
    fn a_file_with_too_many_rows_is_counted_in_parts_and_equally_in_the_next_import() {
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
    fn repeated_rows_need_no_further_memory() {
        let mut occurrences = Occurrences::default();
        let last = (0..100_000).map(|row| occurrences.count(hash(row % 2))).last();
        assert_eq!(last, Some((0, 49_999)));
        assert_eq!((occurrences.hashes.rows, occurrences.repeated.len()), (2, 2));
    }
}
