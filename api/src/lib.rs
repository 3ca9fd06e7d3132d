//! The HTTP services: one module for each group of operations, one service for each role.
//!
//! | module | what it owns |
//! |---|---|
//! | [`ingestion`] | `POST /readings` and `/readings/batch`, the backlog limit |
//! | [`query`] | the readings of a site, the list of sites |
//! | [`operations`] | health, probes, metrics, `/pipeline`, dead letters |
//! | [`error_code`] | the `code` of every error, and the rules of errors |
//! | [`error_body`] | the bodies of errors |
//! | `problem_details` | the same as `application/problem+json`, when asked for |
//! | `influx_errors` | the same with the members that clients of InfluxDB print |
//! | `weighted_items` | the items of `Accept` and `Accept-Encoding` |
//! | `store_failure` | an error of Redis as a 503 and as a line in the log |
//! | `compression` | responses compressed when asked for |
//! | `unknown_parameters` | errors of parameters that an operation does not have |
//! | [`spec`] | the routes of each service and its OpenAPI document |
//! | [`middleware`] | what applies to every request: id, time limit, span, errors |
//! | [`address_limit`] | how many requests each client address may send |
//! | `rate_limiter` | the algorithm of rate limits, and the response to a client above one |
//! | [`client_address`] | the address of a client, also behind reverse proxies |
//! | `client_slots` | what clients use at the same time: how many in total, and of one client |
//! | [`rate`] | a rate of requests, as settings and key files state it |
//! | [`access`] | which requests need an API key, and what a key permits |
//! | [`client_certificate`] | the certificate by which a client has authenticated its connection |
//! | [`origins`] | which hosts and web pages requests may come from |
//! | [`draining`] | whether a service is shutting down |
//! | [`reloaded`] | values that are read from files, and read again when these change |
//! | `security_headers` | what browsers may do with a response |
//! | [`frontend`] | the web page, and the services behind its port |
//! | [`server`] | connections: limits, timeouts, shutdown |

pub mod access;
pub mod address_limit;
pub mod client_address;
pub mod client_certificate;
pub mod draining;
pub mod error_body;
pub mod error_code;
pub mod frontend;
pub mod ingestion;
pub mod metrics;
pub mod middleware;
pub mod operations;
pub mod origins;
pub mod query;
pub mod rate;
pub mod reloaded;
pub mod server;
pub mod spec;

mod api_tag;
mod client_slots;
mod compression;
mod entity_tag;
mod head_only;
mod influx_errors;
mod parameter;
mod paths;
mod problem_details;
mod rate_limiter;
mod replica_lag;
mod request_span;
mod security_headers;
mod store_failure;
mod unknown_parameters;
mod weighted_items;
mod with_schema;
