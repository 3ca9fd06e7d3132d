//! What a service requires of Redis to be ready.

use readings::store::Misconfiguration;
use readings::store::stream::ReadingStream;
use readings::store::{SharedConnection, StoreError, StreamId};

use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;
use crate::store_failure::error_body;

/// What a service requires of Redis to be ready.
#[derive(Debug)]
pub enum Readiness {
    /// It accepts writes and keeps them.
    Writes(ReadingStream, SharedConnection),
    /// It responds.
    Reads(SharedConnection),
}

/// Why a service is not ready.
pub(super) enum NotReady {
    Store(StoreError),
    Misconfigured(Misconfiguration),
}

impl From<StoreError> for NotReady {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl NotReady {
    /// The body of the 503.
    pub fn error_body(&self) -> ErrorBody {
        match self {
            Self::Store(error) => error_body(error).0,
            Self::Misconfigured(misconfiguration) => {
                let code = match misconfiguration {
                    Misconfiguration::Exhausted { .. } => ErrorCode::StreamExhausted,
                    _ => ErrorCode::StoreMisconfigured,
                };
                ErrorBody::new(code, misconfiguration.to_string())
            }
        }
    }
}

impl Readiness {
    /// Checks Redis. The rights of the user are tested again only after Redis has denied something.
    pub(super) async fn check(&self) -> Result<(), NotReady> {
        match self {
            Self::Reads(connection) => {
                fail_on(connection.server_check().await?.misconfigurations())?;
                Ok(connection.ping().await?)
            }
            Self::Writes(stream, connection) => {
                fail_on(connection.server_check().await?.misconfigurations())?;
                stream.probe_writes().await?;
                fail_on(connection.server_info().await?.check())?;
                fail_on(exhaustion(stream).await?)
            }
        }
    }
}

fn fail_on(misconfigurations: Vec<Misconfiguration>) -> Result<(), NotReady> {
    let failing = misconfigurations.into_iter().find(Misconfiguration::fails_readiness);
    failing.map_or(Ok(()), |misconfiguration| Err(NotReady::Misconfigured(misconfiguration)))
}

/// A group that has been delivered the largest possible id receives nothing any more, and its stream accepts no
/// more entries.
async fn exhaustion(stream: &ReadingStream) -> Result<Vec<Misconfiguration>, StoreError> {
    let group = stream.group().await?;
    let ended = group.is_some_and(|group| group.last_delivered_id == StreamId::MAX);
    let stream = || stream.keys().stream().to_owned();
    Ok(ended.then(|| Misconfiguration::Exhausted { stream: stream() }).into_iter().collect())
}
