//! Readings in Redis: the stream they arrive in and the sorted set of each site.
//!
//! | file | what it owns |
//! |---|---|
//! | [`keys`] | every key name |
//! | [`codec`] | reading <-> stream fields, stream entry <-> sorted-set member |
//! | `address`, `secrets`, [`server`] | where the server is, and what it takes to connect |
//! | `sentinels` | which server Sentinels name |
//! | [`requirements`], `probe` | the commands that a role needs, in forms that change nothing |
//! | [`examination`], `refusals` | whether a server can be used, and what it lacks |
//! | [`server_report`] | what about a server endangers readings |
//! | `whereabouts` | whether the server has moved |
//! | [`connection`], `live`, `dedicated` | the kinds of connection and why there are several |
//! | `socket`, `resp` | bytes to and from the server, for replies that come in bulk |
//! | `observed` | how long an exchange took, and its span |
//! | [`stream`] | the stream and its consumer group |
//! | [`group_reader`], [`delivery`] | reading it as a consumer, and what comes of a read |
//! | `trace_context` | the context that travels with a reading |
//! | [`idempotency`] | appending a reading once |
//! | [`consumers`] | the group's consumers: life, hand-over, end |
//! | [`lives`] | processes of one consumer name |
//! | `trim` | removing what everybody has read |
//! | [`series`] | a site's sorted set |
//! | [`insertions`] | storing readings of many sites at once |
//! | [`status`], [`stream_status`] | what Redis says of groups and stream |
//! | [`backlog`], `tally`, `looking` | how many entries are unread, whatever Redis says |
//! | [`lag_correction`] | setting right what Redis says |
//! | [`server_memory`] | how full the server is |
//! | `scripts` | what scripts have in common |
//! | [`sites`] | the index of sites |
//! | [`dead_letters`] | entries that cannot become readings |
//! | `burial` | how they get there |
//! | [`reconciliation`] | finding what nobody has |
//! | [`error`], [`error_class`] | what can go wrong, by what to do about it |

mod address;
mod administration;
pub mod backlog;
mod burial;
pub mod codec;
pub mod connection;
pub mod consumers;
pub mod dead_letters;
mod dedicated;
pub mod delivery;
pub mod error;
pub mod error_class;
pub mod examination;
pub mod group_reader;
pub mod idempotency;
pub mod insertions;
pub mod keys;
pub mod lag_correction;
mod live;
pub mod lives;
mod looking;
mod observed;
mod paging;
mod probe;
pub mod reconciliation;
mod refusals;
mod reply;
pub mod requirements;
mod resp;
mod scripts;
mod secrets;
mod sentinels;
pub mod series;
pub mod server;
pub mod server_memory;
pub mod server_report;
pub mod sites;
mod socket;
pub mod status;
pub mod stream;
mod stream_id;
pub mod stream_status;
mod tally;
mod trace_context;
mod trim;
mod whereabouts;

pub use address::AddressFault;
pub use connection::{Epoch, RESPONSE_TIMEOUT, SharedConnection};
pub use dedicated::DedicatedConnection;
pub use error::StoreError;
pub use error_class::ErrorClass;
pub use keys::Keys;
pub use requirements::Requirements;
pub use secrets::{Password, Secrets};
pub use server::RedisServer;
pub use stream_id::StreamId;
