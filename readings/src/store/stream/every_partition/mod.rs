//! What operations read of all partitions together.
//!
//! With one partition it is what its stream returns, by the same commands.

pub mod backlogs;
pub mod dead_letters;
mod description;
mod existing;

use std::future::Future;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::reading_stream::ReadingStream;
use crate::store::error::StoreResult;

/// Partitions that are read at the same time. Too low: an operation on many partitions takes many round trips. Too high:
/// its scripts delay the commands of others.
const CONCURRENT: usize = 16;

/// Calls `read` with each stream, several at the same time; returns the results in the order of the streams.
///
/// # Errors
/// The first one: a sum without a partition would be wrong.
pub async fn of_each<T, F>(
    streams: &[ReadingStream],
    read: impl Fn(ReadingStream) -> F,
) -> StoreResult<Vec<T>>
where
    F: Future<Output = StoreResult<T>>,
{
    let results: Vec<F> = streams.iter().cloned().map(read).collect();
    stream::iter(results).buffered(CONCURRENT).try_collect().await
}
