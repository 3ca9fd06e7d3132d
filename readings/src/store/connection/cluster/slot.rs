//! Hash slots ([specification](https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/)).

use crc::{CRC_16_XMODEM, Crc};

/// The number of hash slots of a Redis Cluster.
pub(in super::super) const SLOTS: u16 = 16_384;

static CHECKSUM: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);

/// The hash slot of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in super::super) struct Slot(u16);

impl Slot {
    /// The slot of a key: that of its hash tag, if it has one.
    pub fn of(key: &[u8]) -> Self {
        Self(CHECKSUM.checksum(hash_tag(key).unwrap_or(key)) % SLOTS)
    }

    /// Its place among all, from 0.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What is between the first `{` and the first `}` after it, unless that is empty.
fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let start = key.iter().position(|&byte| byte == b'{')? + 1;
    let length = key[start..].iter().position(|&byte| byte == b'}')?;
    (length > 0).then(|| &key[start..start + length])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(key: &str) -> u16 {
        Slot::of(key.as_bytes()).0
    }

    /// As `CLUSTER KEYSLOT` of Redis 7.0 gives them.
    #[test]
    fn slots_are_those_of_redis() {
        let slots = ["123456789", "foo", "", "site:a:readings"].map(slot);
        assert_eq!(slots, [12_739, 12_182, 0, 11_881]);
    }

    #[test]
    fn keys_with_one_hash_tag_are_in_one_slot() {
        assert_eq!(slot("{foo}:a"), slot("foo"));
        assert_eq!(slot("a:{foo}:{bar}"), slot("foo"));
        assert_eq!(slot("{{foo}}"), slot("{foo"));
        assert_ne!(slot("{}foo"), slot("foo"));
        assert_ne!(slot("{foo"), slot("foo"));
    }
}
