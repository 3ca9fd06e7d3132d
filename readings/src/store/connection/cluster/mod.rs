//! Redis Cluster: which node has a key, and commands of many keys over connections to several nodes.
//!
//! | file | what it owns |
//! |---|---|
//! | `slot`, `command_key` | the hash slot of a key, and the key of a command |
//! | `node_report`, `slot_map`, `healthy_replicas` | what one node reports of slots and replicas, and what several do |
//! | `node_poll`, `topology` | polls the nodes; ends the connections to a replaced master |
//! | `redirection` | `MOVED`, `ASK`, `TRYAGAIN` |

mod command_key;
mod healthy_replicas;
mod node_poll;
mod node_report;
mod redirection;
mod slot;
mod slot_map;
mod topology;

pub(super) use command_key::{first_key, script_keys};
pub(super) use node_poll::Connecting;
pub(super) use node_report::NodeId;
pub(super) use redirection::Redirection;
pub(super) use slot::{SLOTS, Slot};
pub(super) use slot_map::{Master, SlotMap};
pub(super) use topology::Topology;
