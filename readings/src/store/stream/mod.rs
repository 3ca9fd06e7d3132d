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
//! | [`reconcile`] | orphaned entries |
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
pub mod group_reader;
mod groups;
pub mod history;
pub mod idempotency;
pub mod info;
pub mod lag_correction;
pub mod live_entry;
pub mod live_reader;
mod packed_array;
mod paging;
mod reading_stream;
pub mod reconcile;
mod redelivery;
pub mod rejected_rows;
mod scan_throttle;
mod script_library;
mod stream_info;
mod trace_context;
mod trim;
pub mod unread;

pub use delivery::Delivery;
pub use group_reader::GroupReader;
pub use reading_stream::{Claimed, ReadingStream};
