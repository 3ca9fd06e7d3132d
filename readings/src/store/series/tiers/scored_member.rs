//! Members of a site with their scores, in Redis' order.

use std::cmp::Ordering;

use crate::store::series::selection::Order;

/// A member with its score.
pub(in crate::store::series) type ScoredMember = (f64, Vec<u8>);

/// Redis' order of members, or its reverse: by score, then by bytes.
pub(super) fn compare(a: (f64, &[u8]), b: (f64, &[u8]), order: Order) -> Ordering {
    // Redis takes -0 for equal to 0.
    let ascending = (a.0 + 0.0).total_cmp(&(b.0 + 0.0)).then_with(|| a.1.cmp(b.1));
    if order == Order::Ascending { ascending } else { ascending.reverse() }
}

/// Whether a member follows the last one that was read.
pub(super) fn is_after(
    (score, member): &ScoredMember,
    last: Option<&ScoredMember>,
    order: Order,
) -> bool {
    last.is_none_or(|last| compare((*score, member), (last.0, &last.1), order).is_gt())
}
