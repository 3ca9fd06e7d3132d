//! What the fault tests break things with and check the result with. The soak (`tests/soak`), which
//! is a program of its own, includes this module, too.
//!
//! [`producer`] sends readings and records each response in a [`ledger`]; [`proxy`] and
//! [`tcp_switch`] break the network, [`disk`] the disk; [`system`] is a Redis with services;
//! [`checker`] compares the ledger with what Redis holds afterwards, and [`report`] has its
//! findings; [`sampler`] detects entries that are trimmed too early.

pub mod checker;
pub mod disk;
pub mod fake_redis;
pub mod helpers;
pub mod ledger;
pub mod log_volume;
pub mod malformed;
pub mod manual_pipeline;
pub mod poisoning;
pub mod producer;
pub mod proxy;
pub mod redis_at;
pub mod report;
pub mod rng;
pub mod sampler;
pub mod sent;
pub mod system;
pub mod tcp_switch;
