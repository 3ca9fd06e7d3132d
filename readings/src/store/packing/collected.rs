//! The members that a packed day is to have.

use super::hot_members::ScoredMember;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::codec;
use crate::store::packed::{PackedMembers, Packing, Pushed, TooLarge};

/// What a day is packed from.
#[derive(Debug)]
pub(super) struct Collected {
    /// Those of the packed value and of the sorted set, each once.
    pub members: PackedMembers,
    /// Those of the sorted set that can be packed.
    pub moved: Vec<Vec<u8>>,
    /// How many of the sorted set can not be.
    pub left: u64,
}

/// Why a day is not packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CollectError {
    /// It has too many members.
    TooLarge,
    /// Its packed value has a member that could not be packed again: a later version of this program has written it.
    Unknown,
}

impl From<TooLarge> for CollectError {
    fn from(TooLarge: TooLarge) -> Self {
        Self::TooLarge
    }
}

/// Takes the union of both.
pub(super) fn collect(
    site: &SiteId,
    day: Day,
    hot: Vec<ScoredMember>,
    packed: &PackedMembers,
) -> Result<Collected, CollectError> {
    let mut packing = Packing::new(site, day);
    let (mut moved, mut left) = (Vec::with_capacity(hot.len()), 0);
    for (score, member) in hot {
        match packing.push(score, &member)? {
            Pushed::Packed => moved.push(member),
            Pushed::Left => left += 1,
        }
    }
    for member in packed.iter() {
        let score = score_of(member).ok_or(CollectError::Unknown)?;
        if packing.push(score, member)? == Pushed::Left {
            return Err(CollectError::Unknown);
        }
    }
    Ok(Collected { members: packing.finish(), moved, left })
}

/// The score of a member that is packed; `None` for another one.
pub(super) fn score_of(member: &[u8]) -> Option<f64> {
    codec::entry_of(member).as_ref().map(codec::score)
}
