//! The black-box suite: the real program against a real Redis server, over HTTP.
//!
//! One file a behaviour; a test's name is a sentence about the product. All servers listen on ports
//! that the kernel assigned, keep their files in temporary directories, and are stopped with their
//! test, also when it panics. `common` starts them and sends them requests. Tests wait for
//! conditions ([`common::wait`]), never for a time.
#![cfg(test)]

mod common;

#[cfg(feature = "failpoints")]
mod actor_panic;
mod aggregates_of_a_site;
mod aggregates_of_houses;
mod api_keys;
mod api_keys_file;
mod api_keys_of_certificates;
mod api_keys_of_sites;
mod backup_and_restore;
mod batch_contract_bodies;
mod batch_requests;
mod batch_row_keys;
mod certificate_renewal;
mod client_certificates;
mod commands_find_redis;
mod compatibility_with_the_original;
mod compressed_responses;
mod consumer_group;
mod content_encodings;
mod contract_bodies;
mod dead_letters;
mod deduplication;
mod deletions;
mod documented_responses;
mod early_responses;
mod empty_settings;
mod energy_of_a_site;
mod error_codes;
mod errors_name_the_server;
mod event_streams;
mod event_streams_after_interruptions;
mod event_streams_of_keys;
mod event_streams_shared;
mod exit_codes;
mod faults;
mod health_and_metrics;
mod healthcheck;
mod http_edge_cases;
mod https;
mod https_connections;
mod import;
mod import_behind_a_gateway;
mod import_by_batches;
mod import_of_meter_files;
mod import_of_unsupported_files;
mod import_rules;
mod import_with_an_api_key;
mod keys_command;
mod killed_processing_service;
mod latest_readings;
mod line_protocol;
mod log_lines;
mod make_install;
mod malformed_requests;
mod many_connections;
mod many_sites;
mod metrics_contract;
mod metrics_port;
mod mqtt_connections;
mod mqtt_messages;
mod mqtt_redelivery;
mod negative_power;
mod openapi_consistency;
mod openapi_documents;
mod origins;
mod parameter_errors;
mod pipeline_state;
mod private_redis;
mod problem_details;
mod prometheus_remote_write;
mod rate_limits;
mod readings_of_a_site;
mod readings_query;
mod receivers;
mod redis_addresses;
mod redis_over_tls;
mod redis_unavailable;
mod reindex;
mod remote_write;
mod repeated_import;
mod rollups_command;
mod settings;
mod site_devices;
mod site_list;
mod slow_clients;
mod stalled_pipeline;
mod terminal_output;
mod termination;
mod timestamp_order;
mod traces;
mod two_processing_services;
mod up_on_one_machine;
mod validation_errors;
mod vocabulary;
mod year_of_houses;
