//! The HTTP front: one module a topic, one service a role.
//!
//! | module | what it owns |
//! |---|---|
//! | [`ingestion`] | `POST /readings` |
//! | [`query`] | the readings of a site, the list of sites |
//! | [`operations`] | health, probes, metrics |
//! | [`error_code`] | the `code` of every error, and the rules of errors |
//! | [`error_body`] | the bodies of errors |
//! | `store_failure` | how trouble with Redis becomes one, and a line in the log |
//! | [`spec`] | each service's routes and its OpenAPI document |
//! | [`middleware`] | what holds for every request: its id, its time limit, its errors |
//! | [`frontend`] | the web page and its way to the services |
//! | [`server`] | connections, their time limits and their end |

pub mod error_body;
pub mod error_code;
pub mod frontend;
pub mod ingestion;
pub mod metrics;
pub mod middleware;
pub mod operations;
pub mod query;
pub mod server;
pub mod spec;

mod head_only;
mod parameter;
mod paths;
mod request_span;
mod store_failure;
mod tags;
mod with_schema;
