//! The errors of the pipeline.

use ractor::{MessagingErr, SpawnErr};

/// The pipeline cannot be kept running.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// Actors failed more often than they may be restarted; the log says why.
    #[error("the pipeline failed more often than it may be restarted")]
    RestartLimit,
    /// An actor could not be started.
    #[error("the pipeline could not be started")]
    Start(#[from] Box<SpawnErr>),
}

/// The next actor has ended. The supervisor is about to restart the sender as well, so the sender fails
/// and leaves its entries to be read again.
#[derive(Debug, thiserror::Error)]
#[error("the next actor has ended")]
pub(crate) struct DownstreamClosed;

impl<T> From<MessagingErr<T>> for DownstreamClosed {
    fn from(_: MessagingErr<T>) -> Self {
        Self
    }
}
