//! The value that a key has in its hash: the record of an entry, or a registration.

use crate::store::partition::PartitionCount;

/// Precedes the number in a registration. The id of an entry, which a record has in its place, has no such character.
const MARK: u8 = b'@';

/// What the value of a key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyValue<'a> {
    /// The entry has this id, in the whole stream.
    Entry(&'a [u8]),
    /// The entry is in a partition of this number of partitions, or is to be appended there.
    Registration(PartitionCount),
    /// The key was used with another body.
    OtherBody,
}

impl<'a> KeyValue<'a> {
    /// That of a key with this body.
    pub fn of(value: &'a [u8], body: &[u8]) -> Self {
        let Some(rest) = value.strip_prefix(body) else { return Self::OtherBody };
        registration(rest).map_or(Self::Entry(rest), |(_, count)| Self::Registration(count))
    }
}

/// The parts of a registration: what the record in the partition begins with, and the number of partitions; `None` of the
/// record of an entry.
pub(super) fn registration(value: &[u8]) -> Option<(&[u8], PartitionCount)> {
    let mark = value.iter().rposition(|byte| *byte == MARK)?;
    let (record, number) = (value.get(..mark)?, value.get(mark + 1..)?);
    let number = str::from_utf8(number).ok()?.parse().ok()?;
    Some((record, PartitionCount::new(number)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"body@123";

    #[test]
    fn a_value_is_a_record_or_a_registration() {
        let four = PartitionCount::new(4).unwrap();
        for (rest, expected) in [
            (&b"@4"[..], KeyValue::Registration(four)),
            (b"nonce@@@@4", KeyValue::Registration(four)),
            (b"1700000000000-0", KeyValue::Entry(b"1700000000000-0")),
            (b"1-0 1-9", KeyValue::Entry(b"1-0 1-9")),
            (b"", KeyValue::Entry(b"")),
        ] {
            let value = [BODY, rest].concat();
            assert_eq!(KeyValue::of(&value, BODY), expected);
            assert_eq!(KeyValue::of(&value, b"other"), KeyValue::OtherBody);
        }
    }

    #[test]
    fn a_registration_has_a_number_of_partitions() {
        for other in [&b"body"[..], b"body@", b"body@0", b"body@257", b"body@4-0", b"@x"] {
            assert_eq!(registration(other), None);
        }
    }
}
