//! Appends the readings of one request, unless the backlog is full; counts what was accepted and what was not.

use chrono::Utc;
use readings::store::append_batch::{
    AppendBatch, AppendBatchError, Appended, ChunkKeys, Interrupted,
};
use readings::store::codec::ingestion_time;
use readings::store::receivers::{self, Receiver};

use super::{IngestionApi, backlog_limit};
use crate::metrics::METRICS;
use crate::store_failure::{ServiceUnavailable, StoreOperation};

/// Why not all readings of a request are in the stream.
pub(super) enum NotAppended {
    /// The backlog is full; none is.
    BacklogFull(ServiceUnavailable),
    /// The key of the request was used with another body; none is.
    KeyConflict,
    /// Redis failed after this number of rows, of which `appended` is in the stream.
    Interrupted { unavailable: ServiceUnavailable, appended: Appended, rows: usize },
}

impl IngestionApi {
    /// Appends them in their order, those with keys once.
    pub(super) async fn append_rows(
        &self,
        receiver: Receiver,
        batch: &AppendBatch,
        keys: Option<&ChunkKeys<'_>>,
    ) -> Result<Appended, NotAppended> {
        let readings = batch.readings();
        if self.backlog.is_reached() {
            METRICS.unavailable("backlog", readings);
            let retry_after = backlog_limit::RETRY_AFTER_SECONDS;
            let full = ServiceUnavailable::new(backlog_limit::backlog_full(), retry_after);
            return Err(NotAppended::BacklogFull(full));
        }
        let (now, ttl) = (ingestion_time(Utc::now()), self.idempotency_ttl);
        let appended = self.partitions.append_batch(batch, &now, keys, ttl).await;
        fail::fail_point!("ingestion-before-answer");
        match appended {
            Ok(appended) => {
                count(receiver, &appended);
                Ok(appended)
            }
            Err(AppendBatchError::KeyConflict) => Err(NotAppended::KeyConflict),
            Err(AppendBatchError::Failed(interrupted)) => {
                count(receiver, &interrupted.appended);
                Err(failed(*interrupted, readings))
            }
        }
    }
}

fn count(receiver: Receiver, appended: &Appended) {
    METRICS.accepted(appended.readings);
    receivers::of(receiver).accepted(appended.readings, appended.replayed);
}

fn failed(interrupted: Interrupted, readings: usize) -> NotAppended {
    let Interrupted { appended, rows, error } = interrupted;
    METRICS.unavailable(error.class.name(), readings - appended.readings);
    let unavailable = ServiceUnavailable::from_store(StoreOperation::AppendBatch, &error);
    NotAppended::Interrupted { unavailable, appended, rows }
}
