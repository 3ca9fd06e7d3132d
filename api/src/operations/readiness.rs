//! What a service requires of Redis to be ready.

use futures_util::future::join_all;
use readings::store::stream::{ReadingStream, StreamPartitions};
use readings::store::{Misconfiguration, SharedConnection, StoreError, StreamId};

use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;
use crate::store_failure::error_body;

/// What a service requires of Redis to be ready.
#[derive(Debug)]
pub enum Readiness {
    /// It accepts writes, to a partition at least, and keeps them.
    Writes(StreamPartitions, SharedConnection),
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
    /// Checks Redis; gives the streams among several that accept no writes now. The rights of the user are tested again
    /// only after Redis has denied something.
    pub(super) async fn check(&self) -> Result<Vec<String>, NotReady> {
        match self {
            Self::Reads(connection) => {
                fail_on(connection.server_check().await?.misconfigurations())?;
                connection.ping().await?;
                Ok(Vec::new())
            }
            Self::Writes(partitions, connection) => {
                fail_on(connection.server_check().await?.misconfigurations())?;
                let (streams, mut others) = accepting(partitions.own(), probe_writes).await?;
                fail_on(connection.server_info().await?.check())?;
                others.extend(accepting(streams, exhaustion).await?.1);
                Ok(others)
            }
        }
    }
}

/// The streams that pass a check, and the names of the others.
///
/// # Errors
/// Why the first one does not pass it, when none does.
async fn accepting<'a, F: Future<Output = Result<(), NotReady>>>(
    streams: impl IntoIterator<Item = &'a ReadingStream>,
    check: impl Fn(&'a ReadingStream) -> F,
) -> Result<(Vec<&'a ReadingStream>, Vec<String>), NotReady> {
    let checks = streams.into_iter().map(|stream| {
        let checking = check(stream);
        async move { (stream, checking.await) }
    });
    let (mut accepting, mut others, mut first) = (Vec::new(), Vec::new(), None);
    for (stream, checked) in join_all(checks).await {
        match checked {
            Ok(()) => accepting.push(stream),
            Err(reason) => {
                others.push(stream.keys().stream().to_owned());
                first.get_or_insert(reason);
            }
        }
    }
    match first {
        Some(reason) if accepting.is_empty() => Err(reason),
        _ => Ok((accepting, others)),
    }
}

async fn probe_writes(stream: &ReadingStream) -> Result<(), NotReady> {
    Ok(stream.probe_writes().await?)
}

fn fail_on(misconfigurations: Vec<Misconfiguration>) -> Result<(), NotReady> {
    let failing = misconfigurations.into_iter().find(Misconfiguration::fails_readiness);
    failing.map_or(Ok(()), |misconfiguration| Err(NotReady::Misconfigured(misconfiguration)))
}

/// A group that has been delivered the largest possible id receives nothing any more, and its stream accepts no
/// more entries.
async fn exhaustion(stream: &ReadingStream) -> Result<(), NotReady> {
    let group = stream.group().await?;
    let ended = group.is_some_and(|group| group.last_delivered_id == StreamId::MAX);
    let stream = || stream.keys().stream().to_owned();
    fail_on(ended.then(|| Misconfiguration::Exhausted { stream: stream() }).into_iter().collect())
}
