//! Handshakes that fail: their reasons, for the metric and the log.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use rustls::Error;
use tracing::warn;

use crate::metrics::{
    HANDSHAKE_ALERT, HANDSHAKE_CLIENT_CERTIFICATE, HANDSHAKE_DISCONNECTED, HANDSHAKE_PROTOCOL,
    HANDSHAKE_TIMEOUT, METRICS,
};

/// Counts a failed handshake, and logs it.
pub(super) fn record(client: SocketAddr, error: &io::Error) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    let reason = reason(error);
    METRICS.handshake_failed(reason);
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        warn!(%client, reason, %error, suppressed, "a TLS handshake failed");
    }
}

fn reason(error: &io::Error) -> &'static str {
    if error.kind() == ErrorKind::TimedOut {
        return HANDSHAKE_TIMEOUT;
    }
    match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(Error::AlertReceived(_)) => HANDSHAKE_ALERT,
        Some(Error::InvalidCertificate(_)) => HANDSHAKE_CLIENT_CERTIFICATE,
        Some(_) => HANDSHAKE_PROTOCOL,
        None => HANDSHAKE_DISCONNECTED,
    }
}
