//! Whether reads go to a replica, or for want of one to the primary.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::ConnectionAddr;
use tracing::{info, warn};

use crate::store::metrics::METRICS;

/// Where the reads of a server go; cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub(super) struct ReplicaChoice(Arc<AtomicBool>);

impl ReplicaChoice {
    /// Records the replica of a primary that was found, if any; logs and counts a change.
    pub fn record(&self, primary: &str, found: Option<ConnectionAddr>) -> Option<ConnectionAddr> {
        let was_on_primary = self.0.swap(found.is_none(), Ordering::Relaxed);
        match (&found, was_on_primary) {
            (None, false) => {
                METRICS.read_fallback();
                warn!(primary, "no healthy replica: queries read from the primary");
            }
            (Some(replica), true) => info!(primary, %replica, "queries read from a replica again"),
            _ => {}
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primary_is_read_from_while_there_is_no_replica() {
        let choice = ReplicaChoice::default();
        let replica = ConnectionAddr::Tcp("one".to_owned(), 1);
        assert_eq!(choice.record("m", None), None);
        assert!(choice.0.load(Ordering::Relaxed));
        assert_eq!(choice.record("m", Some(replica.clone())), Some(replica));
        assert!(!choice.0.load(Ordering::Relaxed));
    }
}
