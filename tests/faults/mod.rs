//! Faults: what happens to accepted readings when everything around the services breaks.

pub mod support;

mod acl_permissions;
mod aof_prefixes;
mod backlogs;
mod batch_idempotency_keys;
mod busy_script;
mod checker_selftest;
mod clock_jumps;
mod conflicting_settings;
#[cfg(feature = "failpoints")]
mod crash_points;
mod credentials;
mod dead_letter_tools;
mod dead_lettered_once;
mod deleted_readings;
mod deleted_streams;
mod destroyed_groups;
mod duplicate_consumer_names;
mod duplicates_in_any_order;
mod failover;
#[cfg(feature = "failpoints")]
mod frozen_services;
mod full_disk;
mod full_memory;
mod graceful_shutdown;
mod idempotency_keys;
mod idle_stream;
#[cfg(feature = "failpoints")]
mod in_memory_entries;
mod incorrect_lag;
mod large_foreign_entries;
mod missing_replicas;
mod network_failures;
#[cfg(feature = "failpoints")]
mod panicking_entries;
mod poison;
mod power_failures;
mod random_faults;
mod readings_retention;
mod reconciliation;
mod recovery_times;
mod redis_data_loss;
mod redis_restarts;
mod sentinel_errors;
mod sentinel_failover;
mod table_of_fault_tests;
mod trimming;
mod unusable_servers;
mod wrong_type_keys;
