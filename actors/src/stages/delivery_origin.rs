//! `DeliveryOrigin`: why entries were delivered to this consumer, for metrics and traces.

use instrumentation::spans::ConsumerSpan;
use readings::store::delivery::Delivery;

use crate::metrics::METRICS;
use crate::partition_context::PartitionContext;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeliveryOrigin {
    /// Not delivered to any consumer before.
    New,
    /// Pending for this consumer and not in flight here.
    OwnPending,
    /// Claimed from other consumers.
    Claimed,
}

impl DeliveryOrigin {
    /// Counts a delivery, and starts the spans of its traced entries.
    pub fn record(self, context: &PartitionContext, delivery: &Delivery) {
        METRICS.delivered(delivery.len());
        match self {
            Self::New => {}
            Self::OwnPending => METRICS.redelivered(delivery.len()),
            Self::Claimed => METRICS.claimed(delivery.len()),
        }
        if !delivery.traces.is_empty() {
            context.traces.start(self.consumer_span(context), delivery);
        }
    }

    fn consumer_span(self, context: &PartitionContext) -> ConsumerSpan<'_> {
        let keys = context.stream.keys();
        ConsumerSpan {
            stream: keys.stream(),
            group: keys.group(),
            consumer: &context.pipeline.config.consumer,
            command: match self {
                Self::New | Self::OwnPending => "XREADGROUP",
                Self::Claimed => "XAUTOCLAIM",
            },
        }
    }
}
