//! What the reader of the stream and the subscribers share: who subscribes, and up to where was read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use readings::store::StreamId;
use readings::store::live_entry::LiveEntry;
use tokio::sync::mpsc::Receiver;

use super::subscribers::{Filter, Message, Subscribers};

/// The subscribers, and the position of the reader.
#[derive(Debug, Default)]
pub(super) struct Feed(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The last entry that was published.
    position: StreamId,
    subscribers: Subscribers,
}

impl Feed {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last entry that was published: each subscriber has it in its buffer, or has no interest in it.
    pub fn position(&self) -> StreamId {
        self.lock().position
    }

    /// Sets where the reader begins.
    pub fn begin_at(&self, position: StreamId) {
        self.lock().position = position;
    }

    /// Sends an entry to the subscribers of its site.
    pub fn publish(&self, entry: &LiveEntry<'_>) {
        // One lock for each entry: a subscriber is added before an entry or after it.
        let mut state = self.lock();
        state.position = entry.id;
        state.subscribers.publish(entry);
    }

    /// Entries before this position may be missing.
    pub fn reset(&self, position: StreamId) {
        let mut state = self.lock();
        state.position = position;
        state.subscribers.send_all(&Message::Reset(position));
    }

    /// Redis does not respond.
    pub fn interrupt(&self) {
        self.lock().subscribers.send_all(&Message::Interrupted);
    }

    /// Cuts all subscribers.
    pub fn cut_all(&self) {
        self.lock().subscribers = Subscribers::default();
    }

    /// Adds a subscriber: it receives what is published after the position of the attachment.
    pub fn attach(self: &Arc<Self>, filter: Filter) -> Attachment {
        let mut state = self.lock();
        let (number, receiver) = state.subscribers.add(filter.clone());
        let position = state.position;
        drop(state);
        Attachment { receiver, position, number, filter, feed: Arc::clone(self) }
    }
}

/// A subscriber's end; removes it on drop.
#[derive(Debug)]
pub(super) struct Attachment {
    /// Its messages; they end when it is cut because its buffer is full.
    pub receiver: Receiver<Message>,
    /// The last entry that was published before.
    pub position: StreamId,
    number: u64,
    filter: Filter,
    feed: Arc<Feed>,
}

impl Attachment {
    /// The last entry that was published, if nothing waits in the buffer: then everything up to it was received.
    pub fn received_up_to(&self) -> Option<StreamId> {
        // Before the buffer is looked into: what is published between the two waits in it.
        let position = self.feed.position();
        self.receiver.is_empty().then_some(position)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.feed.lock().subscribers.remove(&self.filter.site, self.number);
    }
}
