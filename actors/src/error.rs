//! The errors of the pipeline.

use ractor::{MessagingErr, SpawnErr};

/// The pipeline could not be kept running.
#[derive(Debug, thiserror::Error)]
pub enum PipelineFailed {
    /// It failed again and again; the log says why.
    #[error("the pipeline failed more often than it may be restarted")]
    GaveUp,
    /// It could not be started.
    #[error("the pipeline could not be started")]
    NotStarted(#[from] Box<SpawnErr>),
}

/// The actor that should take a delivery is gone; the supervisor is about to restart the sender too.
#[derive(Debug, thiserror::Error)]
#[error("the next actor is gone")]
pub(crate) struct NobodyThere;

impl<T> From<MessagingErr<T>> for NobodyThere {
    fn from(_: MessagingErr<T>) -> Self {
        Self
    }
}
