//! Which master has which slots, by the reports of several nodes.

use std::collections::HashMap;
use std::sync::Arc;

use redis::ConnectionAddr;

use super::healthy_replicas::healthy_replicas;
use super::node_report::{NodeId, NodeReport};
use super::slot::{SLOTS, Slot};
use crate::store::connection::address::shown;

/// Which master has which slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct SlotMap {
    /// For each slot the place of its master, and the configuration epoch of that.
    owners: Vec<Option<(usize, u64)>>,
    masters: Vec<Master>,
    replicas: Vec<ConnectionAddr>,
    /// The replicas that can be read from, each with the place of its master.
    healthy: Vec<(usize, ConnectionAddr)>,
}

/// A master that has slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Master {
    pub id: NodeId,
    pub address: ConnectionAddr,
    /// The address as logs name it.
    pub name: Arc<str>,
}

impl SlotMap {
    /// The map by these reports: the master of a slot is the one with the highest configuration epoch, as among the nodes
    /// themselves. So a master that was replaced while it was partitioned off, and does not know of that, is not believed.
    ///
    /// A master that is `known` is not replaced by one with a lower epoch, where only nodes from before a failover reply.
    /// It is forgotten when none of the nodes knows it: the cluster was created again.
    pub(super) fn merge(reports: &[NodeReport], known: Option<&Self>) -> Self {
        let mut merged = Merged::new(reports, known);
        if let Some(known) = known {
            merged.keep(known);
        }
        for report in reports {
            merged.add(report);
        }
        merged.into_map()
    }

    /// The master of a slot.
    pub fn master_of(&self, slot: Slot) -> Option<&Master> {
        let (place, _) = (*self.owners.get(slot.index())?)?;
        self.masters.get(place)
    }

    /// The masters that have slots.
    pub fn masters(&self) -> &[Master] {
        &self.masters
    }

    /// All nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &ConnectionAddr> {
        self.masters.iter().map(|master| &master.address).chain(&self.replicas)
    }

    /// The replicas of a master that can be read from.
    pub fn replicas_of<'a>(
        &'a self,
        master: &'a Master,
    ) -> impl Iterator<Item = &'a ConnectionAddr> {
        let is_of = move |place: usize| self.masters.get(place) == Some(master);
        self.healthy.iter().filter(move |(place, _)| is_of(*place)).map(|(_, address)| address)
    }

    /// The masters that have no slots in another map, or are at another address there.
    pub fn missing_in<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Master> {
        self.masters.iter().filter(|master| !other.masters.contains(master))
    }
}

/// A map in the making.
struct Merged<'a> {
    reports: &'a [NodeReport],
    known: Option<&'a SlotMap>,
    owners: Vec<Option<(usize, u64)>>,
    places: HashMap<&'a str, usize>,
    ids: Vec<&'a str>,
}

impl<'a> Merged<'a> {
    fn new(reports: &'a [NodeReport], known: Option<&'a SlotMap>) -> Self {
        let owners = vec![None; usize::from(SLOTS)];
        Self { reports, known, owners, places: HashMap::new(), ids: Vec::new() }
    }

    fn keep(&mut self, known: &'a SlotMap) {
        let is_member = |id: &str| self.reports.iter().any(|report| report.epochs.contains_key(id));
        let members: Vec<bool> = known.masters.iter().map(|master| is_member(&master.id)).collect();
        for (slot, owner) in known.owners.iter().enumerate() {
            if let Some((place, epoch)) = *owner
                && members[place]
            {
                let place = self.place(&known.masters[place].id);
                self.owners[slot] = Some((place, epoch));
            }
        }
    }

    fn add(&mut self, report: &'a NodeReport) {
        for (slots, id) in &report.slots {
            let epoch = report.epochs.get(id).copied().unwrap_or_default();
            let place = self.place(id);
            for slot in slots.clone() {
                let owner = &mut self.owners[usize::from(slot)];
                if owner.is_none_or(|(_, known)| known < epoch) {
                    *owner = Some((place, epoch));
                }
            }
        }
    }

    fn place(&mut self, id: &'a str) -> usize {
        let next = self.ids.len();
        let place = *self.places.entry(id).or_insert(next);
        if place == next {
            self.ids.push(id);
        }
        place
    }

    fn into_map(mut self) -> SlotMap {
        let mut masters = Vec::new();
        let mut places = vec![None; self.ids.len()];
        let mut owners = std::mem::take(&mut self.owners);
        for owner in &mut owners {
            let Some((place, epoch)) = *owner else { continue };
            if places[place].is_none() {
                places[place] = self.master(self.ids[place]).map(|master| {
                    masters.push(master);
                    masters.len() - 1
                });
            }
            *owner = places[place].map(|place| (place, epoch));
        }
        let mut replicas = Vec::new();
        for (_, replica) in self.reports.iter().flat_map(|report| &report.replicas) {
            if !replicas.contains(replica)
                && masters.iter().all(|master| master.address != *replica)
            {
                replicas.push(replica.clone());
            }
        }
        let ids: Vec<_> = masters.iter().map(|master| master.id.as_str()).collect();
        let healthy = healthy_replicas(self.reports, &ids);
        SlotMap { owners, masters, replicas, healthy }
    }

    /// A master at its known address, if that is still reported.
    fn master(&self, id: &str) -> Option<Master> {
        let reported = || self.reports.iter().filter_map(|report| report.addresses.get(id));
        let known =
            self.known.and_then(|known| known.masters.iter().find(|master| master.id == id));
        let is_reported = |known: &&Master| reported().any(|it| *it == known.address);
        if let Some(known) = known.filter(|known| is_reported(known) || reported().next().is_none())
        {
            return Some(known.clone());
        }
        let address = reported().next()?.clone();
        let name = shown(&address).into();
        Some(Master { id: id.to_owned(), address, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A view: master, its epoch, first and last slot.
    fn view(masters: &[(&str, u64, u16, u16)]) -> NodeReport {
        let mut report = NodeReport::default();
        for &(id, epoch, first, last) in masters {
            report.epochs.insert(id.to_owned(), epoch);
            if first <= last {
                report.slots.push((first..=last, id.to_owned()));
                report.addresses.insert(id.to_owned(), ConnectionAddr::Tcp(id.to_owned(), 1));
            }
        }
        report
    }

    fn owner(map: &SlotMap, slot: usize) -> Option<&str> {
        map.owners[slot].map(|(place, _)| map.masters[place].id.as_str())
    }

    #[test]
    fn the_highest_epoch_counts_whichever_node_replies_first() {
        let before = view(&[("old", 1, 0, 100), ("other", 2, 101, 200)]);
        let after = view(&[("old", 1, 1, 0), ("new", 3, 0, 100), ("other", 2, 101, 200)]);
        for reports in [
            [before, after],
            [view(&[("new", 3, 0, 100), ("other", 2, 101, 200)]), view(&[("old", 1, 0, 100)])],
        ] {
            let map = SlotMap::merge(&reports, None);
            assert_eq!(
                [owner(&map, 0), owner(&map, 150), owner(&map, 201)],
                [Some("new"), Some("other"), None]
            );
            assert_eq!(map.masters.len(), 2);
        }
    }

    #[test]
    fn a_master_is_not_replaced_by_the_one_before_it() {
        let known = SlotMap::merge(&[view(&[("old", 1, 1, 0), ("new", 3, 0, 100)])], None);
        let before = view(&[("old", 1, 0, 100), ("new", 1, 1, 0)]);
        assert_eq!(owner(&SlotMap::merge(&[before], Some(&known)), 0), Some("new"));
        let created_again = view(&[("old", 1, 0, 100)]);
        assert_eq!(owner(&SlotMap::merge(&[created_again], Some(&known)), 0), Some("old"));
    }

    #[test]
    fn a_master_that_lost_some_slots_is_not_missing_and_one_that_lost_all_is() {
        let known = SlotMap::merge(&[view(&[("one", 1, 0, 100), ("two", 2, 101, 200)])], None);
        let some = SlotMap::merge(&[view(&[("one", 1, 0, 50), ("two", 3, 51, 200)])], Some(&known));
        assert_eq!(known.missing_in(&some).count(), 0);
        let all = SlotMap::merge(&[view(&[("one", 1, 1, 0), ("two", 3, 0, 200)])], Some(&some));
        let missing: Vec<_> = some.missing_in(&all).map(|master| master.id.as_str()).collect();
        assert_eq!(missing, ["one"]);
    }
}
