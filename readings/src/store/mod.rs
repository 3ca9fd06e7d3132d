//! Readings in Redis: the stream in which they arrive, and the sorted set of each site.
//!
//! Imports go down this list, and within a folder its table lists the files:
//!
//! | part | what it owns |
//! |---|---|
//! | [`catalog`] | overviews, devices and latest readings of sites |
//! | [`deletion`] | deletes readings on demand, for good |
//! | [`packing`] | packs closed days of sites |
//! | [`rollups`] | rollups of the sites' days, and questions that they answer |
//! | [`stream`] | the stream and its consumer group: append, read, acknowledge, claim, dead-letter, trim |
//! | [`tier_runs`] | the last runs of packing and archiving, in all processes |
//! | [`receivers`] | what each receiver accepted, in all processes |
//! | [`series`] | the sorted sets of the sites, and their index |
//! | [`packed`] | days of sites as one compressed value each |
//! | [`archive`], [`ArchiveRecord`] | days of sites outside of Redis |
//! | [`deleted_ids`] | ids of entries whose readings must not be stored again |
//! | `lease` | of several processes one does a task at a time |
//! | [`connection`] | connecting to the server, checking it, sending commands |
//! | [`codec`] | reading <-> stream fields, stream entry <-> sorted-set member |
//! | [`keys`] | the names of all keys |
//! | [`partition`] | which partition of the stream has a site's readings |
//! | `device_sample` | what arithmetic needs of a reading |
//! | [`metrics`] | commands, reconnects, created groups |
//! | [`error`], [`error_class`], `archive_error` | what can fail, and how to react |
//! | `stream_id` | the id of an entry |

pub mod archive;
mod archive_error;
mod archive_record;
pub mod catalog;
pub mod codec;
pub mod connection;
pub mod deleted_ids;
pub mod deletion;
mod device_sample;
pub mod error;
pub mod error_class;
pub mod keys;
mod lease;
pub mod metrics;
pub mod packed;
pub mod packing;
pub mod partition;
pub mod receivers;
pub mod rollups;
pub mod series;
pub mod stream;
mod stream_id;
pub mod tier_runs;

pub use archive_record::ArchiveRecord;
pub use connection::{
    AddressError, ClientCertificateFiles, Credentials, DedicatedConnection, Generation,
    Misconfiguration, Password, RESPONSE_TIMEOUT, RedisServer, ReplicaLag, ReplicaWait,
    Requirements, SentinelLogin, ServerMemory, SharedConnection, TlsFiles, TlsFilesError,
};
pub use device_sample::DeviceSample;
pub use error::StoreError;
pub use error_class::ErrorClass;
pub use keys::Keys;
pub use partition::{Partition, PartitionCount};
pub use series::{site_index, write_batch};
pub use stream::{
    append_batch, backlog, consumer_instances, consumers, dead_letters, delivery, group_reader,
    history, idempotency, info, lag_correction, live_entry, live_reader, reconcile, rejected_rows,
    unread,
};
pub use stream_id::StreamId;
