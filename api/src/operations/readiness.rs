//! What a service needs of Redis to be ready.

use readings::store::Misconfiguration;
use readings::store::stream::ReadingStream;
use readings::store::{SharedConnection, StoreError, StreamId};

use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;
use crate::store_failure::error_body;

/// What a service needs of Redis to be ready.
#[derive(Debug)]
pub enum Readiness {
    /// That it takes writes, and keeps them.
    Writes(ReadingStream, SharedConnection),
    /// That it answers.
    Reads(SharedConnection),
}

/// Why a service is not ready.
pub(super) enum NotReady {
    Store(StoreError),
    Misconfiguration(Misconfiguration),
}

impl From<StoreError> for NotReady {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl NotReady {
    /// What a client is told.
    pub fn problem(&self) -> ErrorBody {
        match self {
            Self::Store(error) => error_body(error).0,
            Self::Misconfiguration(danger) => {
                let code = match danger {
                    Misconfiguration::Exhausted { .. } => ErrorCode::StreamExhausted,
                    _ => ErrorCode::StoreMisconfigured,
                };
                ErrorBody::new(code, danger.to_string())
            }
        }
    }
}

impl Readiness {
    /// Asks Redis. What the user may do is tried only when something was refused since.
    pub(super) async fn check(&self) -> Result<(), NotReady> {
        match self {
            Self::Reads(connection) => {
                forbid(connection.server_check().await?.misconfigurations())?;
                Ok(connection.ping().await?)
            }
            Self::Writes(stream, connection) => {
                forbid(connection.server_check().await?.misconfigurations())?;
                stream.probe_writes().await?;
                forbid(connection.server_info().await?.check())?;
                forbid(end_of(stream).await?)
            }
        }
    }
}

fn forbid(dangers: Vec<Misconfiguration>) -> Result<(), NotReady> {
    let forbidding = dangers.into_iter().find(Misconfiguration::fails_readiness);
    forbidding.map_or(Ok(()), |danger| Err(NotReady::Misconfiguration(danger)))
}

/// What has been delivered up to the largest id there is comes to nothing after that: the stream takes
/// no more, and a group that was set there is delivered nothing.
async fn end_of(stream: &ReadingStream) -> Result<Vec<Misconfiguration>, StoreError> {
    let group = stream.group().await?;
    let ended = group.is_some_and(|group| group.last_delivered_id == StreamId::MAX);
    let stream = || stream.keys().stream().to_owned();
    Ok(ended.then(|| Misconfiguration::Exhausted { stream: stream() }).into_iter().collect())
}
