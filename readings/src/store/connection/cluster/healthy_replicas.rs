//! Which replicas of a Redis Cluster can be read from, by the reports of several nodes.
//!
//! `CLUSTER SLOTS` omits replicas that have failed or have not synchronized yet. A node that is partitioned off learns of
//! neither, and a replica always lists itself, so those count that most nodes list.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use redis::ConnectionAddr;

use super::node_report::NodeReport;
use crate::store::connection::address::shown;

/// The replicas that more than half of the nodes list which know their master, each with the place of that among these ids
/// of masters, in an order that does not depend on who replied first.
pub(super) fn healthy_replicas(
    reports: &[NodeReport],
    masters: &[&str],
) -> Vec<(usize, ConnectionAddr)> {
    let places: HashMap<&str, usize> =
        masters.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    let place = |id: &String| places.get(id.as_str()).copied();
    let mut knowing = vec![0; masters.len()];
    let mut listing: BTreeMap<(usize, String), (usize, &ConnectionAddr)> = BTreeMap::new();
    for report in reports {
        let known: BTreeSet<usize> = report.slots.iter().filter_map(|(_, id)| place(id)).collect();
        for place in known {
            knowing[place] += 1;
        }
        // A master is in a report once for each range of its slots, and its replicas with it.
        let listed: BTreeMap<_, _> = (report.replicas.iter())
            .filter_map(|(id, address)| Some(((place(id)?, shown(address)), address)))
            .collect();
        for (replica, address) in listed {
            listing.entry(replica).or_insert((0, address)).0 += 1;
        }
    }
    let is_healthy = |place: usize, count: usize| count * 2 > knowing[place];
    let replicas = listing.into_iter();
    let healthy = replicas.filter(|((place, _), (count, _))| is_healthy(*place, *count));
    healthy.map(|((place, _), (_, address))| (place, address.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str) -> ConnectionAddr {
        ConnectionAddr::Tcp(host.to_owned(), 1)
    }

    /// A node that knows a master with two ranges of slots, and these replicas of it.
    fn report(replicas: &[&str]) -> NodeReport {
        let mut report = NodeReport::default();
        for slots in [0..=9, 20..=29] {
            report.slots.push((slots, "m".to_owned()));
            report.replicas.extend(replicas.iter().map(|it| ("m".to_owned(), address(it))));
        }
        report
    }

    fn healthy(reports: &[NodeReport]) -> Vec<(usize, ConnectionAddr)> {
        healthy_replicas(reports, &["other", "m"])
    }

    #[test]
    fn those_that_most_nodes_list_can_be_read_from() {
        let reports = [report(&["b", "a"]), report(&["a"]), report(&["a", "b"])];
        assert_eq!(healthy(&reports), [(1, address("a")), (1, address("b"))]);
        assert_eq!(healthy(&reports[..2]), [(1, address("a"))], "one of two is not most");
        assert_eq!(healthy(&[report(&["a"]), report(&[]), report(&[])]), []);
    }

    #[test]
    fn nodes_that_do_not_know_the_master_do_not_count() {
        let reports = [report(&["a"]), NodeReport::default(), NodeReport::default()];
        assert_eq!(healthy(&reports), [(1, address("a"))]);
    }
}
