//! Readings in Redis: the stream in which they arrive, and the sorted set of each site.
//!
//! Imports go down this list, and within a folder its table lists the files:
//!
//! | part | what it owns |
//! |---|---|
//! | [`catalog`] | overviews, devices and latest readings of sites |
//! | [`deletion`] | deletes readings on demand, for good |
//! | [`rollups`] | rollups of the sites' days, and questions that they answer |
//! | [`stream`] | the stream and its consumer group: append, read, acknowledge, claim, dead-letter, trim |
//! | [`receivers`] | what each receiver accepted, in all processes |
//! | [`series`] | the sorted sets of the sites, and their index |
//! | [`deleted_ids`] | ids of entries whose readings must not be stored again |
//! | [`connection`] | connecting to the server, checking it, sending commands |
//! | [`codec`] | reading <-> stream fields, stream entry <-> sorted-set member |
//! | [`keys`] | the names of all keys |
//! | [`metrics`] | commands, reconnects, created groups |
//! | [`error`], [`error_class`] | what can fail, and how to react |
//! | `stream_id` | the id of an entry |

pub mod catalog;
pub mod codec;
pub mod connection;
pub mod deleted_ids;
pub mod deletion;
pub mod error;
pub mod error_class;
pub mod keys;
pub mod metrics;
pub mod receivers;
pub mod rollups;
pub mod series;
pub mod stream;
mod stream_id;

pub use connection::{
    AddressError, ClientCertificateFiles, Credentials, DedicatedConnection, Generation,
    Misconfiguration, Password, RESPONSE_TIMEOUT, RedisServer, Requirements, ServerMemory,
    SharedConnection, TlsFiles, TlsFilesError,
};
pub use error::StoreError;
pub use error_class::ErrorClass;
pub use keys::Keys;
pub use series::{site_index, write_batch};
pub use stream::{
    append_batch, backlog, consumer_instances, consumers, dead_letters, delivery, group_reader,
    history, idempotency, info, lag_correction, live_entry, live_reader, reconcile, rejected_rows,
    unread,
};
pub use stream_id::StreamId;
