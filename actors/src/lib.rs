//! The processing pipeline: a supervisor tree that takes entries from the stream to stored readings.
//!
//! ```text
//!                          PipelineSupervisor
//!      ┌───────────┬───────────┬──────┴──────┬──────────────────┬───────────────────┐
//!    Acker    BulkWriter   WriterPool   StreamReader    PendingReclaimer    maintenance tasks
//!                              │                                            (started left to right)
//!                        Writer per site
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
//! **Back-pressure.** Mailboxes are unbounded, so each message carries the permits of its entries; without
//! free permits nothing is read. A permit is settled when its entry is acknowledged, and abandoned when
//! the message is dropped with the actor that held it.
//!
//! **Restarts.** A child holds references to children started before it, which a restart makes stale. So
//! when one fails, those started after it are stopped and all are started again (`rest_for_one`), after a
//! growing pause and within a restart intensity: a pipeline that cannot stay up ends the process, and the
//! platform decides.
//! - `Acker`: all others send to it; all are restarted.
//! - `BulkWriter`: the writers send to it; all but the `Acker` are restarted.
//! - `WriterPool`: the sources send to it; its `Writer`s end with it.
//! - `Writer`: only `WriterPool` sends to it, and starts another for the site's next entries.
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
//! completes its bulk writes, and `Acker` sends the last acknowledgements. See [`Pipeline::shutdown`].
//!
//! **Layers**, each importing only those below it: `pipeline`, `supervisor`, `stages` and `maintenance`,
//! `liveness`, `context`, `flow`; at the bottom `config`, `error`, `metrics`, `restart_budget` and
//! `actor_names`.

mod actor_names;
mod config;
mod context;
mod error;
mod flow;
mod liveness;
mod maintenance;
pub mod metrics;
mod pipeline;
mod restart_budget;
mod stages;
mod supervisor;
#[cfg(test)]
mod test_support;

pub use config::PipelineConfig;
pub use error::PipelineError;
pub use flow::progress::Stalled;
pub use liveness::Liveness;
pub use pipeline::Pipeline;
