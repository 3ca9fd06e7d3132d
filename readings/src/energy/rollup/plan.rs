//! Which parts of a question come from rollups, which from members.

use crate::energy::calendar::{Buckets, Range};
use crate::energy::integration::{
    Aggregation, Integration, QUARTER_MICROS, end_of_quarter, quarter_of,
};
use crate::iso8601::Instant;

/// A part of a question, and where its readings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The members of a range.
    Members(Range),
    /// The quarters of a range, which begins and ends with one.
    Rollups(Range),
}

/// The parts of a question, in the order of time: from a max gap before its range until a max gap after it.
///
/// Rollups serve step-hold with a max gap of a quarter or more; the quarters in which a range begins or ends
/// come from members where the edge is inside of them. All else comes from members.
#[must_use]
pub fn plan(aggregation: &Aggregation) -> Vec<Part> {
    let range = aggregation.buckets.range();
    let reach = aggregation.reach();
    let (first, last) = (quarter_around(range.start()), quarter_around(range.end()));
    let outer = Range::between(quarter_around(reach.start()).start(), end_of_quarter(reach.end()));
    if !serves_rollups(aggregation) {
        return vec![Part::Members(reach)];
    }
    let mut parts = Vec::new();
    let mut from = outer.start();
    for (edge, quarter) in [(range.start(), first), (range.end(), last)] {
        // Both edges may be in one quarter.
        if edge == quarter.start() || quarter.end() <= from {
            continue;
        }
        parts.extend(Range::new(from, quarter.start()).ok().map(Part::Rollups));
        parts.push(Part::Members(quarter));
        from = quarter.end();
    }
    parts.extend(Range::new(from, outer.end()).ok().map(Part::Rollups));
    parts
}

fn serves_rollups(aggregation: &Aggregation) -> bool {
    aggregation.rules.integration == Integration::Step
        && aggregation.rules.max_gap.micros() >= QUARTER_MICROS
        && inner_edges(&aggregation.buckets).iter().all(|edge| is_on_quarter(*edge))
}

fn inner_edges(buckets: &Buckets) -> &[Instant] {
    let edges = buckets.edges();
    &edges[1..edges.len() - 1]
}

fn is_on_quarter(instant: Instant) -> bool {
    instant.epoch_micros().rem_euclid(QUARTER_MICROS) == 0
}

fn quarter_around(instant: Instant) -> Range {
    let start = quarter_of(instant).saturating_mul(QUARTER_MICROS);
    Range::between(Instant::from_epoch_micros(start), end_of_quarter(instant))
}
