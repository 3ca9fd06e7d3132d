//! A selection of a site's readings: a range, devices, an order, and the position after which it begins.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::energy::rollup::Day;
use crate::iso8601::Instant;
use crate::store::codec::StoredReading;
use crate::store::stream_id::StreamId;

/// The order of readings by instant; readings of one instant are in the same direction by stream id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Oldest first.
    #[default]
    Ascending,
    /// Newest first.
    Descending,
}

/// Which readings of a site, and in which order.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The first instant that is included.
    pub start: Option<Instant>,
    /// The first instant that is not.
    pub end: Option<Instant>,
    /// The devices; all when it is empty.
    pub devices: BTreeSet<String>,
    /// The order.
    pub order: Order,
    /// Only readings that follow this position in the order.
    pub after: Option<Position>,
}

/// The place of a reading in the order of its site: a keyset, which remains valid when the reading is deleted.
///
/// The instant and the stream id are the order of responses. The score comes first, because Redis reads ranges
/// by it; the checksum comes last, for readings that other programs stored with one instant and one stream id.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    score: f64,
    instant: Option<Instant>,
    id: Option<StreamId>,
    checksum: u32,
}

/// The serialized form of a position.
#[derive(Serialize, Deserialize)]
struct Wire(f64, Option<i64>, Option<(u64, u64)>, u32);

impl Position {
    pub(super) fn of(score: f64, reading: &StoredReading<'_>, member: &[u8]) -> Self {
        let (instant, id) = reading.order();
        // Redis takes -0 for equal to 0.
        Self { score: score + 0.0, instant, id, checksum: crc32fast::hash(member) }
    }

    pub(super) const fn score(&self) -> f64 {
        self.score
    }

    /// The instant; `None` without a valid timestamp.
    pub(in crate::store) const fn instant(&self) -> Option<Instant> {
        self.instant
    }

    /// The stream id; `None` for a text that is no id.
    pub(in crate::store) const fn stream_id(&self) -> Option<StreamId> {
        self.id
    }

    /// The day of the instant; without one that of the score.
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and no calendar has such days")]
    pub(in crate::store) fn day(&self) -> Day {
        let of_score = || Day::of(Instant::from_epoch_micros((self.score * 1e6) as i64));
        self.instant.map_or_else(of_score, Day::of)
    }

    pub(super) fn millisecond(&self) -> Option<u64> {
        self.id.map(|id| id.ms)
    }

    pub(super) fn compare(&self, other: &Self, order: Order) -> Ordering {
        let ascending = self.score.total_cmp(&other.score).then_with(|| {
            let rest = |it: &Self| (it.instant, it.id, it.checksum);
            rest(self).cmp(&rest(other))
        });
        if order == Order::Ascending { ascending } else { ascending.reverse() }
    }

    /// Its bytes, for [`from_bytes`](Self::from_bytes).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let instant = self.instant.map(Instant::epoch_micros);
        let wire = Wire(self.score, instant, self.id.map(|id| (id.ms, id.seq)), self.checksum);
        // Err: never, memory is written to.
        postcard::to_allocvec(&wire).unwrap_or_default()
    }

    /// The position that has these bytes; `None` when they are of no position.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (Wire(score, instant, id, checksum), []) = postcard::take_from_bytes(bytes).ok()?
        else {
            return None;
        };
        let id = id.map(|(ms, seq)| StreamId { ms, seq });
        let instant = instant.map(Instant::from_epoch_micros);
        // A score that Redis would not have given: it compares with none, or is -0.
        let is_negative_zero = score == 0.0 && score.is_sign_negative();
        let is_score = !score.is_nan() && !is_negative_zero;
        is_score.then_some(Self { score, instant, id, checksum })
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    fn positions() -> impl Strategy<Value = Position> {
        let score = any::<f64>().prop_map(|score| if score.is_nan() { 0.0 } else { score + 0.0 });
        let instant = proptest::option::of(any::<i64>().prop_map(Instant::from_epoch_micros));
        let id = any::<Option<(u64, u64)>>();
        let id = id.prop_map(|id| id.map(|(ms, seq)| StreamId { ms, seq }));
        (score, instant, id, any::<u32>()).prop_map(|(score, instant, id, checksum)| Position {
            score,
            instant,
            id,
            checksum,
        })
    }

    proptest! {
        #[test]
        fn a_position_is_read_from_its_own_bytes(position in positions()) {
            prop_assert_eq!(Position::from_bytes(&position.to_bytes()), Some(position));
        }

        #[test]
        fn any_bytes_are_a_position_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(position) = Position::from_bytes(&bytes) {
                prop_assert!(!position.score.is_nan());
            }
        }

        #[test]
        fn the_descending_order_is_the_ascending_one_reversed(a in positions(), b in positions()) {
            prop_assert_eq!(a.compare(&b, Order::Ascending), b.compare(&a, Order::Descending));
        }
    }
}
