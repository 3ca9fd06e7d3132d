//! The HTTP front: one module a topic, one service a role.
//!
//! | module | what it owns |
//! |---|---|
//! | [`ingestion`] | `POST /readings` |
//! | [`query`] | the readings of a site, the list of sites |
//! | [`operations`] | health, probes, metrics |
//! | [`problem`] | the bodies of failures |
//! | `trouble` | how trouble with Redis becomes one, and a line in the log |
//! | [`spec`] | each service's routes and its OpenAPI document |
//! | [`front`] | what holds for every request: its id, its time limit, its errors |
//! | [`page`] | the web page and its way to the services |
//! | [`server`] | connections, their time limits and their end |

pub mod front;
pub mod ingestion;
pub mod operations;
pub mod page;
pub mod problem;
pub mod query;
pub mod server;
pub mod spec;

mod exchange;
pub mod metrics;
mod parameter;
mod shape;
mod trouble;
