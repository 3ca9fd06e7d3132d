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

pub mod codec;
pub mod connection;
pub mod error;
pub mod error_class;
pub mod keys;
pub mod metrics;
pub mod series;
pub mod stream;
mod stream_id;

pub use connection::{
    AddressFault, DedicatedConnection, Epoch, Password, RESPONSE_TIMEOUT, RedisServer,
    Requirements, Secrets, SharedConnection,
};
pub use connection::{requirements, server, server_checks as server_report};
pub use error::StoreError;
pub use error_class::ErrorClass;
pub use keys::Keys;
pub use series::{insertions, site_index as sites};
pub use stream::{
    backlog, consumer_instances as lives, consumers, dead_letters, delivery, group_info as status,
    group_reader, idempotency, lag_correction, reconcile as reconciliation, server_memory,
    stream_info as stream_status,
};
pub use stream_id::StreamId;
