//! The domain (what a reading is and when one is valid) and its store in Redis.
//!
//! The `actors` and `api` crates both need these and must not know each other, so domain and
//! store share this crate. It is the only one that depends on the `redis` crate.

pub mod iso8601;
pub mod power;
pub mod reading;
pub mod store;
pub mod validation;

pub use iso8601::Instant;
pub use power::Power;
pub use reading::{DeviceId, Reading, SiteId, Timestamp};
pub use store::metrics;
