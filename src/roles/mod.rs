//! One file a role: what is started, and what ends in which order.

pub mod backend;
mod greeting;
pub mod ingestion_api;
pub mod listener;
pub mod processing_service;
pub mod query_api;
mod threads;
pub mod up;
