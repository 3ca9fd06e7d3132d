//! Where a delivery came from, for metrics and traces.

use instrumentation::spans::ConsumerSpan;
use readings::store::delivery::Delivery;

use crate::config::Shared;
use crate::metrics::METRICS;

/// How entries came to this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// No consumer had seen them.
    New,
    /// They were pending for this consumer, and nobody here had them.
    OwnPending,
    /// They were left pending by other consumers.
    Others,
}

impl Source {
    /// Counts a delivery, and begins the spans of what of it is traced.
    pub fn note(self, shared: &Shared, delivery: &Delivery) {
        METRICS.delivered(delivery.len());
        match self {
            Self::New => {}
            Self::OwnPending => METRICS.redelivered(delivery.len()),
            Self::Others => METRICS.reclaimed(delivery.len()),
        }
        if !delivery.traces.is_empty() {
            shared.traces.begin(self.consumer_span(shared), delivery);
        }
    }

    fn consumer_span(self, shared: &Shared) -> ConsumerSpan<'_> {
        let config = &shared.config;
        ConsumerSpan {
            stream: config.keys.stream(),
            group: config.keys.group(),
            consumer: &config.consumer,
            command: match self {
                Self::New | Self::OwnPending => "XREADGROUP",
                Self::Others => "XAUTOCLAIM",
            },
        }
    }
}
