//! The domain (what a reading is, and when one is valid) and its store in Redis.
//!
//! The `actors` and `api` crates both need these and do not know each other, so domain and store share
//! this crate. It is the only one that depends on the `redis` crate: a key, a command or a script has
//! one owner here.
//!
//! | part | what it offers |
//! |---|---|
//! | [`validation`] | [`parse_reading`](validation::parse_reading): a request body becomes a [`Reading`], or all its validation errors |
//! | [`rows`] | the rows of a text with many readings: lines, CSV |
//! | [`reading`], [`power`], [`iso8601`] | the types of a reading; a value that exists is valid |
//! | [`energy`] | buckets of time, energy by step-hold, rollups: pure functions |
//! | [`store::RedisServer`] | address and credentials, from which connections are opened |
//! | [`store::stream`] | [`ReadingStream`](store::stream::ReadingStream): append, consume, acknowledge, dead-letter, trim |
//! | [`store::series`] | [`SeriesStore`](store::series::SeriesStore): the stored readings of each site |
//! | [`store::rollups`] | [`RollupStore`](store::rollups::RollupStore): energy of a site, from rollups and members |
//! | [`store::StoreError`] | every error of Redis, with an [`ErrorClass`](store::ErrorClass) for each way to react |
//!
//! A reading's way: its body is parsed, it is appended to the stream, delivered to a consumer of the
//! group, written to the sorted set of its site and acknowledged. The first two steps and the last three
//! are the examples `append` and `consume_group`; they need a Redis server. Without one:
//!
//! ```
//! use readings::store::codec::stream_fields;
//! use readings::validation::parse_reading;
//!
//! let body = br#"{"site_id": "house-01", "device_id": "main-meter",
//!                 "power_reading": 1500.5, "timestamp": "2024-01-15T10:30:00Z"}"#;
//! let reading = parse_reading(body).expect("a valid reading");
//! assert_eq!(reading.power.watts(), 1500.5);
//!
//! // What `XADD` appends; consumers decode it.
//! let fields = stream_fields(&reading, "2024-01-15T10:30:01.000000");
//! assert_eq!(fields[0], ("site_id", "house-01".into()));
//!
//! let errors = parse_reading(br#"{"site_id": ""}"#).expect_err("an invalid one");
//! let codes: Vec<_> = errors.iter().map(|error| error.kind.code()).collect();
//! assert_eq!(codes, ["string_too_short", "missing", "missing", "missing"]);
//! ```

pub mod energy;
pub mod iso8601;
pub mod power;
pub mod reading;
pub mod rows;
pub mod store;
pub mod validation;

pub use iso8601::Instant;
pub use power::Power;
pub use reading::{DeviceId, Reading, ReadingValues, SiteId, Timestamp};
pub use store::metrics;
