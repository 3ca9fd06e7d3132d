//! Readings in Redis: the stream they arrive in and the sorted set of each site.
//!
//! | file | what it owns |
//! |---|---|
//! | [`keys`] | every key name |
//! | [`codec`] | reading <-> stream fields, stream entry <-> sorted-set member |
//! | [`connection`] | the kinds of connection and why there are several |
//! | [`stream`] | the stream and its consumer group |
//! | [`series`] | a site's sorted set |
//! | [`status`] | what Redis says of stream and groups |
//! | [`sites`] | the index of sites |
//! | [`dead_letters`] | entries that cannot become readings |
//! | [`error`] | what can go wrong, by what to do about it |

mod administration;
pub mod codec;
pub mod connection;
pub mod dead_letters;
pub mod error;
pub mod keys;
mod reply;
pub mod series;
pub mod sites;
pub mod status;
pub mod stream;
mod stream_id;

pub use connection::{DedicatedConnection, RedisServer, SharedConnection};
pub use error::{ErrorClass, StoreError};
pub use keys::Keys;
pub use stream_id::StreamId;
