//! What was counted since the last report, as it is sent.

use std::collections::BTreeMap;

use serde::Serialize;

use super::counter::{Counts, ReceiverCounter};
use super::not_accepted::Counted;

/// The names of the members are those that the script of `reporter` reads.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    accepted: u64,
    replayed: u64,
    rejected: u64,
    unmapped: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected: Option<bool>,
    /// By a text that has the outcome, the name and the reason.
    names: BTreeMap<String, ReportedName>,
}

#[derive(Debug, Serialize)]
struct ReportedName {
    outcome: &'static str,
    name: String,
    reason: String,
    rows: u64,
}

impl Report {
    /// What a receiver counted since, or that its connection is open; `None` without either. Sets `reported` to what it
    /// has counted now.
    pub fn since(reported: &mut Counts, counter: &ReceiverCounter) -> Option<Self> {
        let (counts, connected) = (counter.counts(), counter.is_connected());
        let Counts { accepted, replayed, rejected, unmapped } = counts.since(*reported);
        let is_empty = counts == *reported && connected.is_none();
        *reported = counts;
        let names = counter.take_names().into_iter().map(ReportedName::of).collect();
        (!is_empty).then_some(Self { accepted, replayed, rejected, unmapped, connected, names })
    }
}

impl ReportedName {
    fn of(Counted { outcome, name, reason, rows }: Counted) -> (String, Self) {
        let outcome = outcome.name();
        // A name has no line feeds.
        (format!("{outcome}\n{name}\n{reason}"), Self { outcome, name, reason, rows })
    }
}
