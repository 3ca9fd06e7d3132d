//! The tools for the soak, which is a program of its own (`tests/soak`).

pub mod checker;
pub mod disk;
pub mod ledger;
pub mod poisoning;
pub mod producer;
pub mod proxy;
pub mod redis_at;
pub mod rng;
pub mod sampler;
pub mod sent;
pub mod verdict;
pub mod world;
