//! The subscribers of each site, and the buffer of each.

use std::collections::HashMap;
use std::sync::Arc;

use readings::SiteId;
use readings::store::live_entry::LiveEntry;
use readings::store::{Partition, StreamId};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::reading_event::ReadingEvent;

/// Messages that wait for a subscriber. Too low and a short pause of a client costs it a reconnect; too high and
/// clients that do not read take more memory (for a site's subscribers the readings themselves are shared).
pub(super) const BUFFERED: usize = 1_024;

/// What a subscriber receives.
#[derive(Debug, Clone)]
pub(super) enum Message {
    /// A reading.
    Reading(Arc<ReadingEvent>),
    /// Readings of a partition may be missing before this id, from which it continues.
    Reset(Partition, StreamId),
    /// Redis does not respond.
    Interrupted,
}

/// What a subscriber wants: readings of a site, of all its devices or of some.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    pub site: SiteId,
    /// All devices if it is empty.
    pub devices: Arc<[String]>,
}

impl Filter {
    /// Whether it wants an event of its site.
    pub fn matches(&self, event: &ReadingEvent) -> bool {
        self.devices.is_empty() || self.devices.iter().any(|it| it == event.device.as_str())
    }
}

#[derive(Debug)]
struct Subscriber {
    number: u64,
    filter: Filter,
    sender: Sender<Message>,
}

impl Subscriber {
    /// Returns false when its buffer is full, or it is gone.
    fn send(&self, message: Message) -> bool {
        self.sender.try_send(message).is_ok()
    }
}

/// All subscribers.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    next: u64,
    by_site: HashMap<Box<str>, Vec<Subscriber>>,
}

impl Subscribers {
    /// Adds one; returns its number and its messages, which end when it is cut.
    pub fn add(&mut self, filter: Filter) -> (u64, Receiver<Message>) {
        let (sender, receiver) = channel(BUFFERED);
        let number = self.next;
        self.next += 1;
        let of_site = self.by_site.entry(filter.site.as_str().into()).or_default();
        of_site.push(Subscriber { number, filter, sender });
        (number, receiver)
    }

    /// Removes one, if it was not cut before.
    pub fn remove(&mut self, site: &SiteId, number: u64) {
        self.retain_of(site.as_str(), |subscriber| subscriber.number != number);
    }

    /// Sends an entry to those that want it, and cuts those whose buffers are full. An entry is decoded only if its site has
    /// subscribers; one that is no valid reading is left out.
    pub fn publish(&mut self, partition: Partition, entry: &LiveEntry<'_>) {
        let Some(site) = entry.site_id().filter(|site| self.by_site.contains_key(*site)) else {
            return;
        };
        let Some(entry) = entry.decode() else { return };
        let event = Arc::new(ReadingEvent::new(partition, entry));
        self.retain_of(site, |subscriber| {
            let is_wanted = subscriber.filter.matches(&event);
            !is_wanted || subscriber.send(Message::Reading(Arc::clone(&event)))
        });
    }

    /// Sends a message to all, and cuts those whose buffers are full.
    pub fn send_all(&mut self, message: &Message) {
        self.by_site.retain(|_, subscribers| {
            subscribers.retain(|subscriber| subscriber.send(message.clone()));
            !subscribers.is_empty()
        });
    }

    fn retain_of(&mut self, site: &str, keep: impl FnMut(&Subscriber) -> bool) {
        let Some(subscribers) = self.by_site.get_mut(site) else { return };
        subscribers.retain(keep);
        if subscribers.is_empty() {
            self.by_site.remove(site);
        }
    }
}

#[cfg(test)]
mod tests;
