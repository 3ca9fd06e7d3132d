//! The setting of `REDIS_WAIT_REPLICAS`, and waits that callers share.
//!
//! `WAIT` blocks its connection. Callers that arrive while one is in progress share the next, so there is one at most.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use super::generation::Generation;
use crate::store::error::StoreResult;

/// How many replicas must have a write before it is confirmed, and how long they may take.
#[derive(Debug, Clone)]
pub struct ReplicaWait {
    /// Number of replicas.
    pub replicas: NonZeroU32,
    /// Must be well below [`super::RESPONSE_TIMEOUT`]: commands behind it on the connection wait as long.
    pub timeout: Duration,
    /// The key that is set before ([`crate::store::Keys::replica_mark`]).
    pub mark: String,
}

/// What is waited for, and the waits of one connection; cloning it is cheap.
#[derive(Debug, Clone)]
pub(super) struct ReplicaWaits {
    pub wait: Arc<ReplicaWait>,
    pub rounds: Arc<WaitRounds>,
}

impl ReplicaWaits {
    pub fn new(wait: &Arc<ReplicaWait>) -> Self {
        Self { wait: Arc::clone(wait), rounds: Arc::default() }
    }
}

/// Waits that callers share.
#[derive(Debug, Default)]
pub(super) struct WaitRounds {
    requested: AtomicU64,
    /// The last round; locked while one is in progress.
    last: Mutex<Option<Round>>,
}

#[derive(Debug)]
struct Round {
    /// The last request that was made before it began.
    covers: u64,
    outcome: StoreResult<Waited>,
}

/// The replicas that have all writes of a generation until now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waited {
    pub generation: Generation,
    pub replicas: u64,
}

impl WaitRounds {
    /// The outcome of a round that begins after this call.
    pub async fn share<Waiting>(&self, wait: impl FnOnce() -> Waiting) -> StoreResult<Waited>
    where
        Waiting: Future<Output = StoreResult<Waited>>,
    {
        let request = self.requested.fetch_add(1, Ordering::AcqRel) + 1;
        let mut last = self.last.lock().await;
        if let Some(round) = &*last
            && round.covers >= request
        {
            return round.outcome.clone();
        }
        let covers = self.requested.load(Ordering::Acquire);
        let outcome = wait().await;
        *last = Some(Round { covers, outcome: outcome.clone() });
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::future::join_all;
    use tokio::sync::Notify;

    use super::*;

    /// Counts rounds; each waits for a permit.
    #[derive(Default)]
    struct Counted {
        rounds: WaitRounds,
        begun: AtomicUsize,
        permits: Notify,
    }

    impl Counted {
        async fn share(&self) {
            let round = || async {
                self.begun.fetch_add(1, Ordering::AcqRel);
                self.permits.notified().await;
                Ok(Waited { generation: Generation(1), replicas: 1 })
            };
            self.rounds.share(round).await.unwrap();
        }
    }

    #[tokio::test]
    async fn requests_of_a_round_in_progress_share_the_next_one() {
        let counted = Arc::new(Counted::default());
        let request = |counted: &Arc<Counted>| {
            let counted = Arc::clone(counted);
            tokio::spawn(async move { counted.share().await })
        };
        let first = request(&counted);
        while counted.begun.load(Ordering::Acquire) == 0 {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> = (0..5).map(|_| request(&counted)).collect();
        while counted.rounds.requested.load(Ordering::Acquire) < 6 {
            tokio::task::yield_now().await;
        }
        counted.permits.notify_one();
        first.await.unwrap();
        assert!(others.iter().all(|other| !other.is_finished()), "covered by an earlier round");
        counted.permits.notify_one();
        join_all(others).await.into_iter().for_each(Result::unwrap);
        assert_eq!(counted.begun.load(Ordering::Acquire), 2);
    }
}
