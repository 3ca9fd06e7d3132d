//! Faults: what becomes of accepted readings when everything around them breaks.
//!
//! The tools: [`producer`] sends readings and writes down in a [`ledger`] what it was told of each;
//! [`proxy`] breaks the network; [`world`] is a Redis with services; [`checker`] compares the ledger
//! with what is in Redis afterwards; [`sampler`] watches that nothing is trimmed too early.

pub mod checker;
pub mod disk;
pub mod fake_redis;
pub mod ledger;
pub mod poisoning;
pub mod producer;
pub mod proxy;
pub mod quiet;
pub mod redis_at;
pub mod rng;
pub mod sampler;
pub mod sent;
pub mod verdict;
pub mod world;

mod append_only_prefixes;
mod broken_processing;
mod buried_once;
mod checker_is_not_blind;
mod connections_that_fail;
mod power_failures;
mod redis_that_forgets;
mod redis_that_restarts;

mod scene;
mod switch;

mod backlogs;
mod busy_scripts;
mod clocks_that_jump;
mod contradicting_settings;
mod credentials;
mod dead_letter_tools;
#[cfg(feature = "failpoints")]
mod entries_that_panic;
mod everything_at_once;
mod failover;
#[cfg(feature = "failpoints")]
mod frozen_services;
mod full_disk;
mod full_memory;
mod groups_that_vanish;
mod idempotency_keys;
mod keys_of_the_wrong_type;
#[cfg(feature = "failpoints")]
mod kills_in_the_middle;
mod lag_that_is_wrong;
mod large_entries_of_others;
mod namesakes;
mod orderly_ends;
mod poison;
mod readings_retention;
mod reconciliation;
mod recovery_times;
mod replicas_that_are_missed;
mod rights;
mod sentinel;
mod sentinels_that_refuse;
mod silence;
mod streams_that_vanish;
mod table_of_fault_tests;
mod trimming;
mod unusable_servers;
#[cfg(feature = "failpoints")]
mod what_a_service_holds;
