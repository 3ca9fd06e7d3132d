//! The stream of accepted readings and its consumer group.
//!
//! | file | what it owns |
//! |---|---|
//! | `reading_stream` | [`ReadingStream`]: append, group, acknowledge, claim; the other files add to it |
//! | [`group_reader`], [`delivery`] | blocking reads as a consumer, and the entries that they give |
//! | [`live_reader`], [`live_entry`] | blocking reads without the group, as event streams need them |
//! | [`history`], [`bounds`] | entries after an id, and whether the stream still holds all of them |
//! | [`idempotency`] | appending a reading once |
//! | [`append_batch`] | appending the readings of one request, in order and once |
//! | `trace_context` | the trace context in an entry |
//! | [`consumers`] | heartbeat, ownership, hand-over and deletion of consumers |
//! | [`consumer_instances`] | processes with one consumer name |
//! | `redelivery` | which entries may be written once more |
//! | `trim` | removing entries that every group has acknowledged |
//! | [`info`], `groups`, `stream_info` | `XINFO` on stream, groups and consumers |
//! | [`backlog`], [`unread`] | unread and pending entries, whatever lag Redis reports |
//! | [`lag_correction`] | correcting that lag |
//! | [`dead_letters`], `dead_lettering`, `dead_lettered_ids` | entries that cannot be processed |
//! | [`rejected_rows`] | dead letters of rows that never were entries |
//! | [`partitions`], `partitioned_append` | the streams of all partitions; appending to the one of a site |
//! | `registered_keys`, `key_value` | keys whose partition is not known from the key; what is recorded of one |
//! | [`every_partition`], [`entry_id`] | what operations read of all partitions together, and ids of their entries |
//! | [`reconcile`] | orphaned entries |
//! | `stored_entries` | which entries are stored, in whichever tier |
//! | `cache`, `scan_throttle` | memory that clones share; how often scripts read large entries |
//! | `script_library`, `packed_array`, `paging` | shared by scripts; by their arguments; by reads of pages |

pub mod append_batch;
pub mod backlog;
pub mod bounds;
mod cache;
pub mod consumer_instances;
pub mod consumers;
mod dead_lettered_ids;
mod dead_lettering;
pub mod dead_letters;
pub mod delivery;
pub mod entry_id;
pub mod every_partition;
pub mod group_reader;
mod groups;
pub mod history;
pub mod idempotency;
pub mod info;
mod key_value;
pub mod lag_correction;
pub mod live_entry;
pub mod live_reader;
mod packed_array;
mod paging;
mod partitioned_append;
pub mod partitions;
mod reading_stream;
pub mod reconcile;
mod redelivery;
mod registered_keys;
pub mod rejected_rows;
mod scan_throttle;
mod script_library;
mod stored_entries;
mod stream_info;
mod trace_context;
mod trim;
pub mod unread;

pub use delivery::Delivery;
pub use entry_id::EntryId;
pub use group_reader::GroupReader;
pub use partitions::StreamPartitions;
pub use reading_stream::{Claimed, ReadingStream};
