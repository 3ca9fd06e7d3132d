//! Idempotency keys: a row has the same `Idempotency-Key` in every import.
//!
//! A key is derived from the request body and from the number of equal rows before it in the file. So two equal rows
//! stay two readings, also when the file is imported again, has grown, or overlaps another export. A key depends
//! neither on the line nor on the outcome of other rows.

mod occurrences;

use sha2::{Digest, Sha256};

use self::occurrences::Occurrences;

/// Derives the keys of a file's rows, in the order of the file.
#[derive(Default)]
pub struct IdempotencyKeys {
    occurrences: Occurrences,
}

impl IdempotencyKeys {
    /// The key of the next row, with this request body: at most 64 visible ASCII characters. It contains 128 bits of
    /// the body's SHA-256. Of two different bodies with one key the service would reject the second; among 2^48 rows
    /// the probability of a collision is below one in a billion.
    pub fn next(&mut self, body: &str) -> String {
        let digest: [u8; 32] = Sha256::digest(body).into();
        let hash = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
        let (part, number) = self.occurrences.count(hash);
        let half = digest.first_chunk().copied().map_or(0, u128::from_be_bytes);
        let key = format!("{half:032x}");
        match (part, number) {
            (0, 0) => key,
            (0, number) => format!("{key}-{number}"),
            (part, number) => format!("{key}-{number}-{part}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys<'a>(bodies: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut keys = IdempotencyKeys::default();
        bodies.into_iter().map(|body| keys.next(body)).collect()
    }

    #[test]
    fn equal_rows_have_distinct_keys_and_the_same_ones_in_the_next_import() {
        let first = keys(["a", "b", "a", "a"]);
        let second = keys(["b", "a", "a", "a", "c"]);
        assert_eq!(
            second,
            [&first[1], &first[0], &first[2], &first[3], &second[4]].map(String::clone)
        );
        let mut all = second;
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 5);
    }

    #[test]
    fn a_key_is_the_same_in_every_release() {
        // `printf a | sha256sum`: the first half.
        assert_eq!(
            keys(["a", "a"]),
            ["ca978112ca1bbdcafac231b39a23dc4d", "ca978112ca1bbdcafac231b39a23dc4d-1"]
        );
    }

    #[test]
    fn a_key_is_short_visible_ascii() {
        let mut keys = IdempotencyKeys { occurrences: Occurrences::at(u32::MAX, u64::MAX) };
        let key = keys.next("a");
        assert!(key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_graphic()), "{key}");
    }
}
