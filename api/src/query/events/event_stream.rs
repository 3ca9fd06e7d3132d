//! One event stream: what was missed, then what is new, and a comment every 15 seconds.

use std::time::Duration;

use bytes::Bytes;
use instrumentation::log_throttle::LogThrottle;
use readings::store::{Partition, StoreError};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::info;

use super::admission::Admission;
use super::catch_up::CatchUp;
use super::feed::Attachment;
use super::hub::{EventHub, Lease};
use super::metrics::{self, OpenStream};
use super::positions::Positions;
use super::subscribers::{Filter, Message};
use super::texts::{self, Ending};
use crate::draining::Draining;

/// The time between two comments. Too low: needless packets for idle sites. Too high: proxies close the connection
/// (nginx after 60 seconds by default), and a vanished client is noticed late.
pub(super) const COMMENT_INTERVAL: Duration = Duration::from_secs(15);

/// Bytes that are sent at once. Too low: more system calls. Too high: more memory for each client that is behind.
const CHUNK_BYTES: usize = 64 * 1024;

/// The pause after a history could not be read. Too low: needless commands while Redis is down. Too high: readings are
/// late after an outage.
const HISTORY_RETRY: Duration = Duration::from_secs(1);

/// The time after which clients are asked to reconnect. Different for each, so that those of a service that stops do not
/// come at once.
const RETRY_MS: std::ops::Range<u64> = 1_000..4_000;

/// What a request asks for.
pub(super) struct Subscription {
    pub filter: Filter,
    /// The last event that the client has.
    pub after: Option<Positions>,
    pub admission: Admission,
    pub draining: Draining,
}

/// An open event stream.
pub(super) struct EventStream {
    phase: Phase,
    lease: Lease,
    subscription: Subscription,
    /// Everything up to these was sent.
    positions: Positions,
    next_comment: Instant,
    /// Bytes that are sent before anything else.
    first: Option<Bytes>,
    open: OpenStream,
}

enum Phase {
    CatchingUp(CatchUp),
    Live(Attachment),
    Ended,
}

impl EventStream {
    /// Opens it; reads the first page of its history, so that an error becomes a status.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn open(hub: &EventHub, subscription: Subscription) -> Result<Self, StoreError> {
        let lease = hub.lease().await?;
        let filter = &subscription.filter;
        let (phase, positions) = match &subscription.after {
            None => {
                let attachment = lease.attach(filter.clone());
                let positions = lease.positions_of(&filter.site, &attachment.positions);
                (Phase::Live(attachment), positions)
            }
            Some(last) => {
                let catch_up = CatchUp::after(&lease, filter, last).await?;
                let positions = catch_up.positions().clone();
                (Phase::CatchingUp(catch_up), positions)
            }
        };
        let (open, next_comment) = (OpenStream::new(), Instant::now() + COMMENT_INTERVAL);
        let mut stream =
            Self { phase, lease, subscription, positions, next_comment, first: None, open };
        let opening = texts::opening(&stream.positions, fastrand::u64(RETRY_MS));
        let history = stream.next_part().await?.unwrap_or_default();
        stream.first = Some([&opening[..], &history].concat().into());
        Ok(stream)
    }

    /// The next bytes; `None` at its end.
    pub async fn next(&mut self) -> Option<Bytes> {
        if matches!(self.phase, Phase::Ended) {
            return None;
        }
        let bytes = match self.first.take() {
            Some(first) => first,
            None => self.wait().await,
        };
        // Right before they are sent: a client gets nothing after its key was revoked.
        if self.open.ending.is_none() && !self.subscription.admission.holds() {
            return Some(self.end(Ending::Key));
        }
        Some(bytes)
    }

    async fn wait(&mut self) -> Bytes {
        loop {
            if self.subscription.draining.has_begun() {
                return self.end(Ending::Shutdown);
            }
            if Instant::now() >= self.next_comment {
                return self.comment();
            }
            match self.next_part().await {
                Ok(Some(part)) if !part.is_empty() => return part.into(),
                Ok(Some(_)) => {}
                Ok(None) => return self.next_live().await,
                Err(_) => {
                    sleep(HISTORY_RETRY).await;
                    return Bytes::from_static(texts::INTERRUPTED.as_bytes());
                }
            }
        }
    }

    /// The next part of the history; `None` when all of it was read.
    async fn next_part(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let Phase::CatchingUp(catch_up) = &mut self.phase else { return Ok(None) };
        let part = catch_up.next_part(&self.lease, &self.subscription.filter).await?;
        self.positions = part.positions;
        metrics::sent(part.readings);
        if let Some(attachment) = part.attachment {
            self.phase = Phase::Live(attachment);
            // All others were read to their ends.
            self.positions =
                self.lease.positions_of(&self.subscription.filter.site, &self.positions);
        }
        Ok(Some(part.text))
    }

    async fn next_live(&mut self) -> Bytes {
        let Phase::Live(attachment) = &mut self.phase else { return Bytes::new() };
        tokio::select! {
            biased;
            () = self.subscription.draining.begun() => self.end(Ending::Shutdown),
            () = sleep_until(self.next_comment) => self.comment(),
            message = attachment.receiver.recv() => match message {
                Some(message) => self.messages(message),
                None => self.end(Ending::Slow),
            },
        }
    }

    fn comment(&mut self) -> Bytes {
        self.next_comment = Instant::now() + COMMENT_INTERVAL;
        if let Phase::Live(attachment) = &self.phase {
            let Some(received) = attachment.received_up_to() else { return texts::comment(None) };
            self.positions.advance(&received);
        }
        texts::comment(Some(&self.positions))
    }

    /// This message and those that wait behind it.
    fn messages(&mut self, first: Message) -> Bytes {
        let (mut text, mut readings, mut next) = (Vec::new(), 0, Some(first));
        while let Some(message) = next {
            match message {
                // Another replica was ahead of this one when it sent the last event that the client has.
                Message::Reading(event) if self.positions.include(event.partition, event.id) => {}
                Message::Reading(event) => {
                    self.positions.set(event.partition, event.id);
                    event.write_to(&mut text, &self.positions);
                    readings += 1;
                }
                Message::Reset(partition, _) if !self.may_have_readings_in(partition) => {}
                Message::Reset(partition, position) => {
                    self.positions.set(partition, position);
                    text.extend_from_slice(texts::reset(&self.positions).as_bytes());
                }
                Message::Interrupted => text.extend_from_slice(texts::INTERRUPTED.as_bytes()),
            }
            next = match &mut self.phase {
                Phase::Live(attachment) if text.len() < CHUNK_BYTES => {
                    attachment.receiver.try_recv().ok()
                }
                _ => None,
            };
        }
        metrics::sent(readings);
        text.into()
    }

    /// Whether readings of the site may be in this partition.
    fn may_have_readings_in(&self, partition: Partition) -> bool {
        let site = &self.subscription.filter.site;
        self.positions.of(partition).is_some()
            || self.lease.partitions_of(site).contains(&partition)
    }

    fn end(&mut self, ending: Ending) -> Bytes {
        self.phase = Phase::Ended;
        self.open.ending = Some(ending);
        log(&self.subscription.filter, ending);
        texts::closing(ending)
    }
}

fn log(filter: &Filter, ending: Ending) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if ending == Ending::Shutdown {
        return;
    }
    if let Some(suppressed) = THROTTLE.should_log(std::time::Instant::now()) {
        let (site, reason) = (&filter.site, ending.reason());
        info!(%site, reason, suppressed, "an event stream was ended");
    }
}
