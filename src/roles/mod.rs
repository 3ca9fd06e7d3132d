//! One file a role: what is started, and what ends in which order.

mod banner;
pub mod ingestion_api;
pub mod listener;
pub mod processing_service;
pub mod query_api;
mod runtime_thread;
pub mod service_context;
pub mod up;
