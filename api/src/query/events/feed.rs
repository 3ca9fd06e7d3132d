//! What the reader of the stream and the subscribers share: who subscribes, and up to where was read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use readings::store::live_entry::LiveEntry;
use readings::store::{Partition, StreamId};
use tokio::sync::mpsc::Receiver;

use super::positions::Positions;
use super::subscribers::{Filter, Message, Subscribers};

/// The subscribers, and the positions of the reader.
#[derive(Debug, Default)]
pub(super) struct Feed(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The last entry of each partition that was published.
    positions: Positions,
    subscribers: Subscribers,
}

impl Feed {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last entry of each partition that was published: each subscriber has them in its buffer, or has no interest in
    /// them.
    pub fn positions(&self) -> Positions {
        self.lock().positions.clone()
    }

    /// Sets where the reader begins in a partition.
    pub fn begin_at(&self, partition: Partition, position: StreamId) {
        self.lock().positions.set(partition, position);
    }

    /// Sends an entry to the subscribers of its site.
    pub fn publish(&self, partition: Partition, entry: &LiveEntry<'_>) {
        // One lock for each entry: a subscriber is added before an entry or after it.
        let mut state = self.lock();
        state.positions.set(partition, entry.id);
        state.subscribers.publish(partition, entry);
    }

    /// Entries of a partition before this position may be missing.
    pub fn reset(&self, partition: Partition, position: StreamId) {
        let mut state = self.lock();
        state.positions.set(partition, position);
        state.subscribers.send_all(&Message::Reset(partition, position));
    }

    /// Redis does not respond.
    pub fn interrupt(&self) {
        self.lock().subscribers.send_all(&Message::Interrupted);
    }

    /// Cuts all subscribers.
    pub fn cut_all(&self) {
        self.lock().subscribers = Subscribers::default();
    }

    /// Adds a subscriber: it receives what is published after the positions of the attachment.
    pub fn attach(self: &Arc<Self>, filter: Filter) -> Attachment {
        let mut state = self.lock();
        let (number, receiver) = state.subscribers.add(filter.clone());
        let positions = state.positions.clone();
        drop(state);
        Attachment { receiver, positions, number, filter, feed: Arc::clone(self) }
    }
}

/// A subscriber's end; removes it on drop.
#[derive(Debug)]
pub(super) struct Attachment {
    /// Its messages; they end when it is cut because its buffer is full.
    pub receiver: Receiver<Message>,
    /// The last entry of each partition that was published before.
    pub positions: Positions,
    number: u64,
    filter: Filter,
    feed: Arc<Feed>,
}

impl Attachment {
    /// The last entries that were published, if nothing waits in the buffer: then everything up to them was received.
    pub fn received_up_to(&self) -> Option<Positions> {
        // Before the buffer is looked into: what is published between the two waits in it.
        let positions = self.feed.positions();
        self.receiver.is_empty().then_some(positions)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.feed.lock().subscribers.remove(&self.filter.site, self.number);
    }
}
