//! The commands that carry out one task and exit, one file each.

pub mod archive;
pub mod dead_letters;
pub mod healthcheck;
pub mod import;
pub mod keys;
mod late_readings;
pub mod openapi;
pub mod pack;
pub mod reconcile;
mod redis_discovery;
pub mod reindex;
pub mod rollups;
mod site_progress;
pub mod unpack;
