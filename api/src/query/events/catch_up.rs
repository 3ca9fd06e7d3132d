//! What a subscriber has missed: the entries between its last event and the position of the shared reader.

use readings::store::StoreError;
use readings::store::StreamId;
use readings::store::history::History;
use tokio::sync::Semaphore;

use super::feed::Attachment;
use super::hub::Lease;
use super::reading_event::ReadingEvent;
use super::subscribers::Filter;
use super::texts;

/// Pages of histories that a process reads at the same time. Too low: clients that reconnect wait for each other. Too
/// high: their reads delay queries.
static READS: Semaphore = Semaphore::const_new(2);

/// A subscriber that reads its history.
#[derive(Debug)]
pub(super) struct CatchUp {
    history: History,
    attachment: Option<Attachment>,
}

/// A part of a history.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// The events, as they are sent.
    pub text: Vec<u8>,
    /// How many of them are readings.
    pub readings: u64,
    /// The last entry that was read.
    pub position: StreamId,
    /// After the last part: what continues.
    pub attachment: Option<Attachment>,
}

impl CatchUp {
    /// The events after this id.
    pub fn after(lease: &Lease, id: StreamId) -> Self {
        Self { history: lease.history(id), attachment: None }
    }

    /// Reads a page, and subscribes when the rest is short: what is published after that waits in the buffer.
    ///
    /// # Errors
    /// When Redis fails; the part can be read again.
    pub async fn next_part(&mut self, lease: &Lease, filter: &Filter) -> Result<Part, StoreError> {
        let until = self.attachment.as_ref().map_or_else(|| lease.position(), |it| it.position);
        // Err: never, the semaphore is not closed.
        let permit = READS.acquire().await;
        let (mut events, mut readings) = (Vec::new(), 0);
        let page = self.history.next_page(until, |entry| {
            if entry.site_id() != Some(filter.site.as_str()) {
                return;
            }
            let event = entry.decode().map(ReadingEvent::new);
            if let Some(event) = event.filter(|event| filter.matches(event)) {
                events.extend_from_slice(&event.text);
                readings += 1;
            }
        });
        let page = page.await?;
        drop(permit);
        let position = self.history.position();
        let text = if page.has_gap {
            [texts::reset(position).as_bytes(), &events].concat()
        } else {
            events
        };
        let attachment = if page.is_last { self.end_of_history(lease, filter) } else { None };
        Ok(Part { text, readings, position, attachment })
    }

    /// What continues, if the history was read up to where it begins.
    fn end_of_history(&mut self, lease: &Lease, filter: &Filter) -> Option<Attachment> {
        let attachment = match self.attachment.take() {
            Some(attachment) => attachment,
            None => lease.attach(filter.clone()),
        };
        if attachment.position <= self.history.position() {
            return Some(attachment);
        }
        self.attachment = Some(attachment);
        None
    }
}
