//! The body of the readings of a site, sent page by page while it is read.
//!
//! A stored member is already an element of the response: it is validated and passed on, not encoded again. When
//! Redis fails midway the connection is aborted, so that a client cannot take the body for complete.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use instrumentation::log_throttle::LogThrottle;
use poem::Body;
use readings::SiteId;
use readings::store::StoreError;
use readings::store::series::Page;
use tracing::{error, warn};

use super::readings_format::ReadingsFormat;
use super::readings_source::ReadingsSource;
use super::response_slots::{ResponseSlot, ResponseSlots};
use crate::metrics::METRICS;

/// The largest body that needs no slot. Too low and small responses wait for slots; too high and clients that
/// read them slowly fill the memory.
const SMALL_BODY_BYTES: usize = 64 * 1024;

/// The body of a response, of which the first page has been read.
pub(super) enum ReadingsBody {
    /// The first page is the only one.
    Buffered(Bytes),
    /// There are more pages.
    Streaming(Bytes, Box<BodyStream>),
}

/// The pages of a body that have not been read yet.
pub(super) struct BodyStream {
    site: SiteId,
    source: ReadingsSource,
    format: ReadingsFormat,
    slots: Arc<ResponseSlots>,
    /// Whether no reading precedes the next one.
    is_first: bool,
}

impl ReadingsBody {
    /// Reads the first page, so that an error of the store becomes a status and not a broken body.
    pub async fn begin(
        site: &SiteId,
        source: ReadingsSource,
        format: ReadingsFormat,
        slots: &Arc<ResponseSlots>,
    ) -> Result<Self, StoreError> {
        let mut first = Vec::new();
        let mut stream = BodyStream::new(site, source, format, slots);
        format.begin(site, &mut first);
        let is_last = stream.append_next_page(&mut first).await?;
        let first = Bytes::from(first);
        Ok(if is_last { Self::Buffered(first) } else { Self::Streaming(first, Box::new(stream)) })
    }

    /// Whether it is complete and so small that it needs no slot.
    pub fn is_small(&self) -> bool {
        matches!(self, Self::Buffered(body) if body.len() <= SMALL_BODY_BYTES)
    }

    /// The body of a small response, or of one of which only the head is sent.
    pub fn without_slot(self) -> Body {
        match self {
            Self::Buffered(body) => Body::from_bytes(body),
            // Never polled; it only tells hyper that the length is unknown.
            Self::Streaming(first, _) => {
                Body::from_bytes_stream(stream::once(async { Ok::<_, io::Error>(first) }))
            }
        }
    }

    /// The first page, then page after page; the slot is released when the last one has been sent.
    pub fn with_slot(self, slot: ResponseSlot) -> Body {
        match self {
            Self::Buffered(body) => Body::from_bytes(slot.attach_to(body)),
            Self::Streaming(first, rest) => {
                let first = stream::once(async { Ok(first) });
                Body::from_bytes_stream(first.chain(rest.into_chunks(slot)))
            }
        }
    }
}

impl BodyStream {
    fn new(
        site: &SiteId,
        source: ReadingsSource,
        format: ReadingsFormat,
        slots: &Arc<ResponseSlots>,
    ) -> Self {
        Self { site: site.clone(), source, format, slots: Arc::clone(slots), is_first: true }
    }

    fn into_chunks(self, slot: ResponseSlot) -> impl Stream<Item = io::Result<Bytes>> {
        stream::unfold(Some((self, slot)), async |state| {
            // None: the last page or an error was yielded before.
            let (mut pages, slot) = state?;
            let mut chunk = Vec::new();
            match pages.append_next_page(&mut chunk).await {
                Ok(true) => Some((Ok(slot.attach_to(chunk.into())), None)),
                Ok(false) => Some((Ok(Bytes::from(chunk)), Some((pages, slot)))),
                // An error as an item makes hyper close the connection before the end of the body.
                Err(error) => Some((Err(pages.aborted(error)), None)),
            }
        })
    }

    fn aborted(&self, error: StoreError) -> io::Error {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
            error!(%error, site = %self.site, suppressed, "a response was aborted");
        }
        io::Error::other(error)
    }

    /// Appends the next page, and after the last one the end of the body; returns whether it was the last.
    async fn append_next_page(&mut self, chunk: &mut Vec<u8>) -> Result<bool, StoreError> {
        let permit = self.slots.read_permit().await;
        let page = self.source.next_page().await?;
        // Only reading from Redis is limited, not sending.
        drop(permit);
        let Some(page) = page else { return Ok(true) };
        count_invalid(&self.site, page.invalid);
        self.append_page(&page, chunk);
        let is_last = self.source.has_ended();
        if is_last {
            self.format.end(None, chunk);
        }
        Ok(is_last)
    }

    fn append_page(&mut self, page: &Page, chunk: &mut Vec<u8>) {
        let members = page.members.iter().map(|member| member.len() + 1).sum::<usize>();
        let days = page.days.iter().map(|day| day.text().len() + 1).sum::<usize>();
        chunk.reserve(members + days + 2);
        for member in &page.members {
            self.format.append(member, self.is_first, chunk);
            self.is_first = false;
        }
        for day in &page.days {
            self.format.append_day(day, self.is_first, chunk);
            self.is_first &= day.is_empty();
        }
    }
}

/// Counts and logs members that are left out.
pub(super) fn count_invalid(site: &SiteId, count: usize) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if count == 0 {
        return;
    }
    METRICS.invalid_members(count);
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        warn!(%site, count, suppressed, "stored members are not valid readings");
    }
}
