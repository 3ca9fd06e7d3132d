//! Faults: what happens to accepted readings when everything around the services breaks.

pub mod support;

mod acl_permissions;
mod aof_prefixes;
#[cfg(feature = "failpoints")]
mod archive_crash_points;
mod archive_files;
mod archive_full_disk;
mod archive_of_before;
mod archive_power_failures;
mod archiving_under_faults;
mod backlogs;
mod batch_idempotency_keys;
mod busy_script;
mod checker_selftest;
mod clock_jumps;
mod cluster_down;
mod cluster_failover;
mod cluster_partition;
mod cluster_selftest;
mod cluster_slots;
mod confirmed_replicas;
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
mod packing_crash_points;
#[cfg(feature = "failpoints")]
mod packing_gaps;
#[cfg(feature = "failpoints")]
mod packing_in_a_cluster;
mod packing_power_failures;
mod packing_redelivery;
mod packing_under_faults;
#[cfg(feature = "failpoints")]
mod panicking_entries;
mod poison;
mod power_failures;
mod random_faults;
mod readings_retention;
mod reads_from_cluster_replicas;
mod reads_from_replicas;
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
