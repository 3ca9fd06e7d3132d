//! The processing pipeline: a supervisor tree that takes entries from the stream to stored readings.
//!
//! ```text
//!                             PipelineSupervisor                               (started left to right)
//!      ┌──────────┬───────────────┬───┴─────────────── of each partition: ───────────────────┐
//!  BulkWriter WriterPool ReadingsRetention   Acker  StreamReader  PendingReclaimer  maintenance tasks
//!                 │
//!           Writer per site
//!
//!   Redis ──XREADGROUP──► StreamReader ─────┐
//!   Redis ──XAUTOCLAIM──► PendingReclaimer ─┴─► WriterPool ──► Writer per site ──► BulkWriter ──ZADD──► Redis
//!                                                                                      └──► Acker ──XACK──► Redis
//! ```
//!
//! **At-least-once.** An entry is acknowledged only after Redis has confirmed the `ZADD` that stored it.
//! Until then it is on the group's pending entries list. When an actor fails, the permits of its entries
//! are dropped, which marks them as abandoned in the in-flight window, and the `StreamReader` reads this
//! consumer's pending entries again. When a process ends, the `PendingReclaimer` of another claims its
//! entries. Storing an entry twice leaves one member.
//!
//! **Partitions.** What reads, claims and acknowledges is of one partition of the stream. The writers are shared: a bulk
//! write is as large with many partitions as with one. So a batch refers to its partition, and an entry is identified by
//! its partition and its id. The partitions in use change at run time; see `supervisor`.
//!
//! **Back-pressure.** Mailboxes are unbounded, so each message carries the permits of its entries; without
//! free permits nothing is read. A permit is settled when its entry is acknowledged, and abandoned when
//! the message is dropped with the actor that held it.
//!
//! **Restarts.** A child holds references to children started before it, which a restart makes stale. So
//! when one fails, those started after it are stopped and all are started again (`rest_for_one`), after a
//! growing pause and within a restart intensity: a pipeline that cannot stay up ends the process, and the
//! platform decides.
//! - `BulkWriter`: the writers send to it; all but the `Acker`s are restarted.
//! - `WriterPool`: the sources send to it; its `Writer`s end with it.
//! - `Writer`: only `WriterPool` sends to it, and starts another for the site's next entries.
//! - `Acker`: the sources of its partition send to it, and are restarted. So does the `BulkWriter`, which is told of the
//!   next one, and drops what it has for the failed one.
//! - `StreamReader`, `PendingReclaimer`, maintenance tasks: no actor sends to them.
//!
//! **The trade.** Some frameworks restart an actor behind its mailbox: references stay valid and queued
//! messages survive, at the price of a mailbox that outlives its actor and of messages that may be
//! poisonous. `ractor` ends the mailbox with the actor. Here queued messages need not survive: their
//! entries are pending in Redis, dropped permits show that they must be read again, and reading them again
//! costs one `XREADGROUP`. The price is the order above, and that entries behind a failed one are read and
//! written twice.
//!
//! **Shutdown** runs downstream: the sources stop reading, `WriterPool` drains its writers, `BulkWriter`
//! completes its bulk writes, and the `Acker`s send the last acknowledgements. See [`Pipeline::shutdown`].
//!
//! **Layers**, each importing only those below it: `pipeline`, `supervisor`, `stages` and `maintenance`,
//! `liveness`, `running_partitions`, `partition_context`, `context`, `flow`; at the bottom `config`, `error`, `metrics`,
//! `restart_budget` and `actor_names`.

mod actor_names;
mod config;
mod context;
mod error;
mod flow;
mod liveness;
mod maintenance;
pub mod metrics;
mod partition_context;
mod pipeline;
mod restart_budget;
mod running_partitions;
mod stages;
mod supervisor;
#[cfg(test)]
mod test_support;

pub use config::PipelineConfig;
pub use error::PipelineError;
pub use flow::progress::Stalled;
pub use liveness::Liveness;
pub use pipeline::Pipeline;
