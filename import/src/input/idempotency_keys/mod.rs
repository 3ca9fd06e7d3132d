//! Names for rows: the same row has the same `Idempotency-Key` whenever it is sent.
//!
//! A key says what is sent, and the how-manieth row of the file it is that says just that: two equal
//! rows stay two, also when the file is sent again, has grown at its end, or is a part of another
//! export. It depends on nothing else, neither on the line nor on what became of other rows.

mod occurrences;

use sha2::{Digest, Sha256};

use self::occurrences::Occurrences;

/// Names the rows of a file in its order.
#[derive(Default)]
pub struct Keys {
    occurrences: Occurrences,
}

impl Keys {
    /// The key of the next row, which is sent as `body`: at most 64 visible ASCII characters. It bears
    /// half of the body's digest: two bodies of one key are refused by the service, and at 2^48 rows
    /// the chance of such a pair is below one in a billion.
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
        let mut keys = Keys::default();
        bodies.into_iter().map(|body| keys.next(body)).collect()
    }

    #[test]
    fn equal_rows_have_keys_of_their_own_and_the_same_ones_the_second_time() {
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
    fn a_key_is_the_same_in_every_version_of_the_program() {
        // `printf a | sha256sum`: the first half.
        assert_eq!(
            keys(["a", "a"]),
            ["ca978112ca1bbdcafac231b39a23dc4d", "ca978112ca1bbdcafac231b39a23dc4d-1"]
        );
    }

    #[test]
    fn a_key_is_short_visible_ascii() {
        let mut keys = Keys { occurrences: Occurrences::at(u32::MAX, u64::MAX) };
        let key = keys.next("a");
        assert!(key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_graphic()), "{key}");
    }
}
