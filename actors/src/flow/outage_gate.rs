//! Whether Redis refuses work at present.
//!
//! While an exchange with Redis is failing no more entries are read or claimed: they would only grow
//! the pending list and its delivery counts, and work that cannot be finished needs no more of it.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts the exchanges that are failing; cloning it is cheap.
#[derive(Debug, Clone)]
pub(crate) struct Outage(Arc<watch::Sender<usize>>);

impl Outage {
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// Notes that an exchange is failing, until the guard is dropped.
    pub fn noticed(&self) -> FailingExchange {
        self.0.send_modify(|failing| *failing += 1);
        FailingExchange(self.clone())
    }

    /// Waits until no exchange is failing.
    pub async fn over(&self) {
        // Err means that the sender is gone, and `self` holds it.
        let _ = self.0.subscribe().wait_for(|failing| *failing == 0).await;
    }
}

/// An exchange that is failing and being repeated.
#[derive(Debug)]
pub(crate) struct FailingExchange(Outage);

impl Drop for FailingExchange {
    fn drop(&mut self) {
        self.0.0.send_modify(|failing| *failing -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_outage_is_over_when_no_exchange_is_failing() {
        let outage = Outage::new();
        outage.over().await;
        let (first, second) = (outage.noticed(), outage.noticed());
        let over = outage.over();
        tokio::pin!(over);
        drop(first);
        assert!(futures_util::poll!(&mut over).is_pending());
        drop(second);
        over.await;
    }
}
