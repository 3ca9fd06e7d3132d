//! Messages that are appended and acknowledged together.

use std::time::Instant;

use chrono::{DateTime, Utc};
use instrumentation::log_throttle::LogThrottle;
use readings::store::append_batch::AppendBatch;
use readings::store::receivers::{self, Receiver};
use readings::store::rejected_rows::RejectedRows;
use readings::validation::ValidationError;
use tracing::{info, warn};

use super::identity;
use crate::mapping::{Mapped, MappedReading, Mappings};
use crate::message::Message;
use crate::metrics::{IGNORED, MAPPED, METRICS, RETAINED, UNMAPPED};

/// The readings of messages, and what to acknowledge when they are in the stream.
#[derive(Debug)]
pub(super) struct Batch {
    pub readings: AppendBatch,
    /// Messages that are no valid readings.
    pub rejected: RejectedRows,
    /// In the order of the messages.
    pub packet_ids: Vec<u16>,
}

impl Batch {
    /// The readings of messages that arrived at this time.
    pub fn of(
        messages: &[Message],
        mappings: &Mappings,
        client_id: &str,
        arrival: DateTime<Utc>,
    ) -> Self {
        let rejected = RejectedRows::new(Receiver::Mqtt.name());
        let mut batch = Self { readings: AppendBatch::default(), rejected, packet_ids: Vec::new() };
        for message in messages {
            batch.packet_ids.extend(message.packet_id);
            match mappings.map(&message.topic, &message.payload, arrival) {
                Mapped::Readings(readings) => batch.push(message, client_id, readings),
                Mapped::Ignored => METRICS.message(IGNORED),
                Mapped::Unmapped => unmapped(message),
            }
        }
        batch
    }

    fn push(
        &mut self,
        message: &Message,
        client_id: &str,
        readings: Vec<Result<MappedReading, Vec<ValidationError>>>,
    ) {
        let is_of_unknown_age = |reading: &Result<MappedReading, _>| {
            message.is_retained && reading.as_ref().is_ok_and(|mapped| !mapped.has_own_time)
        };
        if readings.iter().all(is_of_unknown_age) {
            METRICS.message(RETAINED);
            return;
        }
        METRICS.message(MAPPED);
        for (number, reading) in readings.into_iter().enumerate() {
            match reading {
                Ok(reading) => {
                    identity::push(&mut self.readings, client_id, message, number, reading);
                }
                Err(errors) => self.reject(message, &errors),
            }
        }
    }

    fn reject(&mut self, message: &Message, errors: &[ValidationError]) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let reasons: Vec<_> = errors.iter().map(ValidationError::sentence).collect();
        let (topic, reason) = (&*message.topic, reasons.join("; "));
        receivers::of(Receiver::Mqtt).rejected(topic, &reason, 1);
        self.rejected.push(&reason, topic, &message.payload);
        if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
            warn!(topic, reason, suppressed, "a message has no valid reading");
        }
    }
}

fn unmapped(message: &Message) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    let topic = &*message.topic;
    METRICS.message(UNMAPPED);
    receivers::of(Receiver::Mqtt).unmapped(topic, "in no profile, and not in MQTT_MAP", 1);
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        info!(topic, suppressed, "no mapping has the topic of a message; it is not stored");
    }
}
