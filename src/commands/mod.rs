//! The commands that carry out one task and exit, one file each.

pub mod dead_letters;
pub mod healthcheck;
pub mod import;
pub mod keys;
pub mod openapi;
pub mod reconcile;
mod redis_discovery;
pub mod reindex;
pub mod rollups;
