//! What the tests start, send requests to, and wait for.

pub mod batch;
pub mod broker;
pub mod catalog;
pub mod collector;
pub mod documents;
pub mod event_stream;
pub mod files;
pub mod http;
pub mod import;
pub mod keys;
pub mod meter_files;
pub mod modules;
pub mod nginx;
pub mod process;
pub mod product;
pub mod readings;
pub mod redis;
pub mod remote_write;
pub mod stored;
pub mod syntax;
pub mod tls;
pub mod up;
pub mod wait;
