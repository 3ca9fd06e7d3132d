//! What the fault tests break things with and check the result with. The soak (`tests/soak`), which
//! is a program of its own, includes this module, too.
//!
//! [`producer`] sends readings and records each response in a [`ledger`]; [`proxy`] and
//! [`tcp_switch`] break the network, [`disk`] and [`small_disk`] the disk; [`system`] is a Redis with services, [`cluster_system`] a
//! Redis Cluster with them, [`cluster_faults`] fails its masters, [`remains`] has what that loses;
//! [`checker`] compares the ledger with what Redis holds afterwards, and [`report`] has its
//! findings; [`sampler`] detects entries that are trimmed too early. [`packing`] and [`archiving`] stop packers and
//! archivers in the middle of a day, [`archivers`] are killed at any moment, and [`readers`] compare all answers with those before.

pub mod archivers;
pub mod archiving;
pub mod checker;
pub mod cluster_faults;
pub mod cluster_system;
pub mod disk;
pub mod fake_redis;
pub mod helpers;
pub mod ledger;
pub mod log_volume;
pub mod malformed;
pub mod manual_pipeline;
pub mod packing;
pub mod poisoning;
pub mod producer;
pub mod proxy;
pub mod readers;
pub mod redis_at;
pub mod remains;
pub mod report;
pub mod rng;
pub mod sampler;
pub mod sent;
pub mod sentinels;
pub mod small_disk;
pub mod system;
pub mod tcp_switch;
