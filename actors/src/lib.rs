//! The processing pipeline: a supervisor tree that takes entries from the stream to stored readings.
//!
//! ```text
//!                          PipelineSupervisor
//!      ┌───────────┬───────────┬──────┴──────┬──────────────────┐
//!    Acker     Committer    Writers     StreamReader    PendingReclaimer     (started left to right)
//!                              │
//!                        Writer per site
//!
//!   Redis ──XREADGROUP──► StreamReader ─────┐
//!   Redis ──XAUTOCLAIM──► PendingReclaimer ─┴─► Writers ──► Writer per site ──► Committer ──ZADD──► Redis
//!                                                                                └──► Acker ──XACK──► Redis
//! ```
//!
//! **What is never lost.** An entry is acknowledged only after the `ZADD` that stored it was
//! answered. Until then it is on the group's pending list, and whatever dies here, its entries are
//! read again: what an actor held is counted by the [`flow::in_flight`] window as abandoned, which makes
//! the `StreamReader` read this consumer's pending entries once more; what a process held is claimed
//! by another's `PendingReclaimer`. Storing twice leaves one member.
//!
//! **Back-pressure.** Mailboxes are unbounded, so each message carries the permits of its entries;
//! without free permits nothing is read. A permit comes back when the entry is acknowledged, or when
//! the message is dropped with the actor that had it.
//!
//! **Restarts.** Children hold references to those started before them, which a restart makes stale.
//! So when one dies, those started after it are stopped and all are started again
//! (`rest_for_one`), after a growing pause, and only so often ([`restart_budget`]): a pipeline that cannot
//! stay up ends the process, and the platform decides.
//! - `Acker`: everybody sends to it; all are restarted.
//! - `Committer`: the writers send to it; all but the `Acker` are restarted.
//! - `Writers`: the two sources send to it; its `Writer`s end with it, as their router is gone.
//! - `Writer`: nobody else knows it; `Writers` forgets it and starts another at the site's next entry.
//! - `StreamReader`, `PendingReclaimer`: nobody sends to them; they begin anew.
//!
//! **Shutdown** runs downstream: the sources stop reading, then `Writers` empties its writers,
//! `Committer` waits for its rounds, and `Acker` sends the last acknowledgements. See [`Pipeline::shutdown`].

mod actor_names;
mod config;
mod error;
mod flow;
mod maintenance;
pub mod metrics;
mod restart_budget;
mod stages;
mod supervisor;

pub use config::PipelineConfig;
pub use error::PipelineFailed;
pub use supervisor::Pipeline;
