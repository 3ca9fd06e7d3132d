//! The cluster as one node sees it (`CLUSTER NODES`).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::SLOTS;

/// Ranges of slots, in their order.
type Slots = Vec<RangeInclusive<u16>>;

/// All nodes that a node knows.
#[derive(Debug, Clone, Default)]
pub struct View {
    pub nodes: Vec<NodeView>,
}

/// A node as another sees it.
#[derive(Debug, Clone)]
pub struct NodeView {
    pub id: String,
    pub is_master: bool,
    /// The id of its master, of a replica.
    pub master: Option<String>,
    /// `fail`, `fail?`, `handshake` and others.
    pub flags: Vec<String>,
    /// The slots that it owns.
    pub slots: Slots,
}

impl View {
    /// Parses the reply of `CLUSTER NODES`, or the file that a node keeps (`nodes.conf`), whose last line is not of a node.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with("vars "));
        Self { nodes: lines.map(NodeView::parse).collect() }
    }

    /// A node, by its id.
    pub fn node(&self, id: &str) -> Option<&NodeView> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The owner of a slot.
    pub fn owner_of(&self, slot: u16) -> Option<&NodeView> {
        self.nodes.iter().find(|node| node.slots.iter().any(|slots| slots.contains(&slot)))
    }

    /// The nodes that are reachable.
    pub fn reachable(&self) -> impl Iterator<Item = &NodeView> {
        self.nodes.iter().filter(|node| node.is_reachable())
    }

    /// The role, the master and the slots of each node that is reachable.
    pub fn topology(&self) -> BTreeMap<String, (bool, Option<String>, Slots)> {
        let of = |node: &NodeView| (node.is_master, node.master.clone(), node.slots.clone());
        self.reachable().map(|node| (node.id.clone(), of(node))).collect()
    }

    /// The slots of each node that owns some.
    pub fn owners(&self) -> BTreeMap<&str, &[RangeInclusive<u16>]> {
        let owners = self.nodes.iter().filter(|node| !node.slots.is_empty());
        owners.map(|node| (node.id.as_str(), &node.slots[..])).collect()
    }

    /// Whether each slot has an owner that is reachable.
    pub fn is_covered(&self) -> bool {
        let owned: usize =
            self.reachable().flat_map(|node| &node.slots).map(ExactSizeIterator::len).sum();
        owned == usize::from(SLOTS)
    }
}

impl NodeView {
    /// `id ip:port@bus flags master ping pong epoch link slots…`
    fn parse(line: &str) -> Self {
        let words: Vec<_> = line.split(' ').collect();
        let flags: Vec<_> = words[2].split(',').map(str::to_owned).collect();
        Self {
            id: words[0].to_owned(),
            is_master: flags.iter().any(|flag| flag == "master"),
            master: (words[3] != "-").then(|| words[3].to_owned()),
            flags,
            slots: words[8..].iter().filter_map(|slots| range(slots)).collect(),
        }
    }

    /// Whether neither this view nor the majority takes it for failed, and it is not new.
    pub fn is_reachable(&self) -> bool {
        !self
            .flags
            .iter()
            .any(|flag| ["fail", "fail?", "handshake", "noaddr"].contains(&flag.as_str()))
    }
}

/// `7` or `7-9`; `None` for a slot that is being moved, such as `[7->-…]`.
fn range(slots: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
    Some(first.parse().ok()?..=last.parse().ok()?)
}
