//! Appends readings to the partitions of their sites, and rejected rows to the stream that every number of partitions has.

use std::time::Duration;

use super::idempotency::{AppendOnce, IdempotencyKey, IdempotentAppend};
use super::key_value::KeyValue;
use super::partitions::StreamPartitions;
use super::rejected_rows::{DeadLetteredRows, RejectedRows};
use crate::reading::Reading;
use crate::store::error::StoreResult;
use crate::store::partition::PartitionCount;
use crate::store::stream_id::StreamId;

impl StreamPartitions {
    /// Appends an accepted reading to its site's partition.
    ///
    /// # Errors
    /// When the server rejected it or did not reply: see
    /// [`StoreError::outcome_is_unknown`](crate::store::StoreError::outcome_is_unknown).
    pub async fn append(&self, reading: &Reading, ingested_at: &str) -> StoreResult<StreamId> {
        self.announce_before_append(self.count()).await?;
        self.of_site(&reading.site_id).append(reading, ingested_at).await
    }

    /// Appends an accepted reading to its site's partition, unless a request with its key was appended within `ttl`,
    /// whatever the number of partitions was then; then gives the entry of that request.
    ///
    /// # Errors
    /// When the server rejected it or did not reply; it can be sent again with the same key.
    pub async fn append_idempotent(
        &self,
        reading: &Reading,
        ingested_at: &str,
        key: &IdempotencyKey,
        ttl: Duration,
    ) -> StoreResult<IdempotentAppend> {
        let outcome = if self.count() == PartitionCount::ONE {
            self.own()[0].append_once(reading, ingested_at, key, ttl).await?
        } else {
            // On the heap: this future is large, as are those below.
            Box::pin(self.register(key, ttl)).await?
        };
        match outcome {
            AppendOnce::Done(outcome) => Ok(outcome),
            AppendOnce::Registered(count) => {
                Box::pin(self.append_registered(count, reading, ingested_at, key, ttl)).await
            }
        }
    }

    async fn register(&self, key: &IdempotencyKey, ttl: Duration) -> StoreResult<AppendOnce> {
        const OPERATION: &str = "HSET keys";
        let known = self.whole().register_key(key, ttl, self.count()).await?;
        let Some(value) = known else { return Ok(AppendOnce::Registered(self.count())) };
        let outcome = AppendOnce::of(KeyValue::of(&value, key.body()));
        outcome.ok_or_else(|| self.connection().unexpected_reply(OPERATION))
    }

    /// Appends to the partition that a site has of this number of partitions.
    async fn append_registered(
        &self,
        count: PartitionCount,
        reading: &Reading,
        ingested_at: &str,
        key: &IdempotencyKey,
        ttl: Duration,
    ) -> StoreResult<IdempotentAppend> {
        self.announce_before_append(count).await?;
        fail::fail_point!("append-after-registration");
        let stream = self.of_partition(count.partition_of(&reading.site_id));
        match stream.append_once(reading, ingested_at, key, ttl).await? {
            AppendOnce::Done(outcome) => Ok(outcome),
            // Only the whole stream has registrations, and it is no partition of several.
            AppendOnce::Registered(_) => Err(self.connection().unexpected_reply("XADD once")),
        }
    }

    /// Dead-letters rows that a receiver rejected, each once within `ttl` however often it is sent, and whatever the number
    /// of partitions is: they are in the dead letters of the whole stream.
    ///
    /// To be called after the valid rows were appended: if both are repeated after a failure, neither is there twice.
    ///
    /// # Errors
    /// When the server rejected it or did not reply; it can be repeated.
    pub async fn dead_letter_rows(
        &self,
        rows: &RejectedRows,
        ttl: Duration,
    ) -> StoreResult<DeadLetteredRows> {
        self.whole().dead_letter_rows(rows, ttl).await
    }
}
