//! One file per role: what it starts, and in which order it stops.
//!
//! A role builds a [`service_context::ServiceContext`], binds an [`http_server::HttpServer`], spawns the
//! monitors, and serves until a signal stops it. `up` does so for all services of one process.

mod archiving;
mod banner;
pub mod http_server;
mod index_check;
pub mod ingestion_api;
mod listener;
pub mod mqtt_bridge;
pub mod processing_service;
pub mod query_api;
mod runtime_thread;
pub mod service_context;
pub mod up;
