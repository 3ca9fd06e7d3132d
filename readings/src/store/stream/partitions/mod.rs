//! The streams of all partitions: to which one a reading is appended, and which ones have entries.
//!
//! | file | what it owns |
//! |---|---|
//! | `stream_partitions` | [`StreamPartitions`]: the streams over one connection |
//! | `partition_set` | which partitions are current, for all connections of a process |
//! | `recorded_counts` | the partition counts that services have announced |
//! | `announce` | announcing the count of this process |
//! | `refresh` | which partitions are current, as Redis has it |
//!
//! Why no entry is left behind when the count changes: `docs/decisions/0056-partitions-and-keys-across-a-change.md`.

mod announce;
mod partition_set;
mod recorded_counts;
mod refresh;
mod stream_partitions;

pub use self::partition_set::PartitionChanges;
pub use self::stream_partitions::StreamPartitions;
