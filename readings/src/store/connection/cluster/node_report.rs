//! What one node of a Redis Cluster reports: which master has which slots, and since which configuration epoch.
//!
//! `CLUSTER SLOTS` has the addresses that clients are to use (`cluster-preferred-endpoint-type`), and `CLUSTER NODES` the
//! epochs: where two nodes differ, the higher epoch is of the later failover or migration.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use redis::{ConnectionAddr, Value};

use super::slot::SLOTS;
use crate::store::connection::address::like;
use crate::store::connection::reply;

/// The id that a node of a Redis Cluster has.
pub(in super::super) type NodeId = String;

/// The view of one node.
#[derive(Debug, Default)]
pub(super) struct NodeReport {
    /// Slots and the id of their master.
    pub slots: Vec<(RangeInclusive<u16>, NodeId)>,
    /// Where the masters of these slots are.
    pub addresses: HashMap<NodeId, ConnectionAddr>,
    /// The id of a master, and where a replica of it is that has synchronized and has not failed.
    pub replicas: Vec<(NodeId, ConnectionAddr)>,
    /// The configuration epochs of all nodes that the node knows.
    pub epochs: HashMap<NodeId, u64>,
}

impl NodeReport {
    /// Parses the replies of a node at this address to `CLUSTER SLOTS` and `CLUSTER NODES`; `None` for replies of
    /// another shape.
    pub fn parse(at: &ConnectionAddr, slots: Value, nodes: Value) -> Option<Self> {
        let mut report = Self { epochs: epochs(&reply::text(nodes)?)?, ..Self::default() };
        for range in reply::array(slots)? {
            report.add(at, range)?;
        }
        Some(report)
    }

    /// Adds `[first, last, master, replica, …]`.
    fn add(&mut self, at: &ConnectionAddr, range: Value) -> Option<()> {
        let mut range = reply::array(range)?.into_iter();
        let (first, last) = (slot(&range.next()?)?, slot(&range.next()?)?);
        let (id, address) = node(at, range.next()?)?;
        self.slots.push((first..=last, id.clone()));
        let replicas = range.filter_map(|replica| Some((id.clone(), node(at, replica)?.1?)));
        self.replicas.extend(replicas);
        if let Some(address) = address {
            self.addresses.entry(id).or_insert(address);
        }
        Some(())
    }
}

fn slot(value: &Value) -> Option<u16> {
    u16::try_from(reply::integer(value)?).ok().filter(|slot| *slot < SLOTS)
}

/// Id and address of `[host, port, id, metadata]`. Without a host it is that of the node which replied; without a
/// usable one the node has no address yet.
fn node(at: &ConnectionAddr, node: Value) -> Option<(NodeId, Option<ConnectionAddr>)> {
    let mut parts = reply::array(node)?.into_iter();
    let host = parts.next()?;
    let port = u16::try_from(reply::integer(&parts.next()?)?).ok()?;
    let id = reply::text(parts.next()?)?;
    let host = match host {
        Value::Nil => host_of(at).to_owned(),
        host => match reply::text(host)?.as_str() {
            "" => host_of(at).to_owned(),
            // A name is preferred, and the node has none.
            "?" => ip(parts.next()).unwrap_or_default(),
            host => host.to_owned(),
        },
    };
    Some((id, (!host.is_empty() && port > 0).then(|| like(at, host, port))))
}

/// The address in the metadata of a node.
fn ip(metadata: Option<Value>) -> Option<String> {
    let pairs = reply::map(metadata?)?.into_iter();
    let mut texts =
        pairs.filter_map(|(name, value)| Some((reply::text(name)?, reply::text(value)?)));
    texts.find(|(name, _)| name == "ip").map(|(_, ip)| ip)
}

/// The host of an address.
pub(super) fn host_of(address: &ConnectionAddr) -> &str {
    match address {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host,
        _ => "",
    }
}

/// The lines of `CLUSTER NODES`: id, address, flags, master, ping, pong, epoch, link, slots.
fn epochs(nodes: &str) -> Option<HashMap<NodeId, u64>> {
    let epoch = |line: &str| {
        let mut fields = line.split(' ');
        Some((fields.next()?.to_owned(), fields.nth(5)?.parse().ok()?))
    };
    nodes.lines().map(epoch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "aa 127.0.0.1:1@11,one myself,master - 0 0 7 connected 0-100 [5->-bb]\n\
                         bb 127.0.0.1:2@12 slave aa 0 0 7 connected\n";

    fn parse(slots: &[u8]) -> Option<NodeReport> {
        let at = ConnectionAddr::Tcp("seed".to_owned(), 1);
        let slots = redis::parse_redis_value(slots).unwrap();
        NodeReport::parse(&at, slots, Value::BulkString(NODES.into()))
    }

    fn master(host: &str) -> Option<ConnectionAddr> {
        let node = format!("*4\r\n{host}:7\r\n$2\r\naa\r\n*2\r\n$2\r\nip\r\n$3\r\n::1\r\n");
        let report = parse(format!("*1\r\n*3\r\n:0\r\n:100\r\n{node}").as_bytes()).unwrap();
        report.addresses.get("aa").cloned()
    }

    #[test]
    fn a_report_has_slots_epochs_and_replicas() {
        let slots = b"*1\r\n*4\r\n:0\r\n:100\r\n*3\r\n$3\r\none\r\n:1\r\n$2\r\naa\r\n*3\r\n$3\r\ntwo\r\n:2\r\n$2\r\nbb\r\n";
        let report = parse(slots).unwrap();
        assert_eq!(report.slots, [(0..=100, "aa".to_owned())]);
        let replica = ConnectionAddr::Tcp("two".to_owned(), 2);
        assert_eq!(report.replicas, [("aa".to_owned(), replica)]);
        assert_eq!(report.epochs["aa"], 7);
    }

    #[test]
    fn a_node_without_a_host_is_at_that_of_the_node_which_replied() {
        let at = |host: &str| Some(ConnectionAddr::Tcp(host.to_owned(), 7));
        assert_eq!(master("$3\r\none\r\n"), at("one"));
        assert_eq!(master("$-1\r\n"), at("seed"));
        assert_eq!(master("$0\r\n\r\n"), at("seed"));
        assert_eq!(master("$1\r\n?\r\n"), at("::1"));
    }

    #[test]
    fn replies_of_another_shape_are_no_report() {
        for slots in [&b"+OK\r\n"[..], b"*1\r\n:1\r\n", b"*1\r\n*3\r\n:0\r\n:16384\r\n*0\r\n"] {
            assert!(parse(slots).is_none(), "{slots:?}");
        }
        assert!(parse(b"*0\r\n").is_some());
    }
}
