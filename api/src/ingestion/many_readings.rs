//! The limits of bodies with many readings: batch requests, and what receivers are sent.

use std::time::Duration;

use tokio::sync::Semaphore;

use super::received_body::BodyLimits;

/// The largest body, as sent and decoded: 10,000 rows, or some 50,000 samples of a remote write. Too low: devices that were
/// offline need many requests, and agents that do not divide their batches lose them. Too high: one request takes much
/// memory and time.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// The largest body that needs no memory permit. Every connection may have one, so it is that of a reading.
pub(super) const SMALL_BODY_BYTES: usize = 8 * 1024;

/// The memory of all such bodies, in KiB; further ones are not read meanwhile. Too low: their senders wait for one that
/// stalls. Too high: they fill the memory.
static RECEIVED_KIB: Semaphore = Semaphore::const_new(32 * 1024);

/// The same for bodies that are being decoded, and for the readings in them.
static DECODED_KIB: Semaphore = Semaphore::const_new(32 * 1024);

/// How long the body may take to arrive. Too low: large bodies on slow links are cut off. Too high: a sender that stalls
/// keeps others waiting that long, and no time is left for Redis (`REQUEST_TIMEOUT`).
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

impl BodyLimits {
    /// Those of a body with many readings, which errors call `content`.
    pub(super) const fn of_many_readings(content: &'static str) -> Self {
        Self {
            content,
            bytes: MAX_BODY_BYTES,
            small_bytes: SMALL_BODY_BYTES,
            received_kib: &RECEIVED_KIB,
            decoded_kib: &DECODED_KIB,
            timeout: BODY_TIMEOUT,
        }
    }
}
