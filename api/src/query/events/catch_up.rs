//! What a subscriber has missed: the entries between its last event and the positions of the shared reader.

use readings::store::Partition;
use readings::store::StoreError;
use readings::store::StreamId;
use readings::store::history::History;
use tokio::sync::Semaphore;

use super::feed::Attachment;
use super::hub::Lease;
use super::positions::Positions;
use super::reading_event::ReadingEvent;
use super::subscribers::Filter;
use super::texts;

/// Pages of histories that a process reads at the same time. Too low: clients that reconnect wait for each other. Too
/// high: their reads delay queries.
static READS: Semaphore = Semaphore::const_new(2);

/// A subscriber that reads its history, partition by partition.
#[derive(Debug)]
pub(super) struct CatchUp {
    histories: Vec<PartitionHistory>,
    /// Everything up to these was read.
    positions: Positions,
    /// The partitions that the shared reader has read when this began.
    known: Positions,
    attachment: Option<Attachment>,
}

/// What was missed of one partition.
#[derive(Debug)]
struct PartitionHistory {
    partition: Partition,
    history: History,
    /// The last entry of a partition that the shared reader does not read.
    end: StreamId,
    is_read: bool,
}

/// A part of a history.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// The events, as they are sent.
    pub text: Vec<u8>,
    /// How many of them are readings.
    pub readings: u64,
    /// The last entries that were read.
    pub positions: Positions,
    /// After the last part: what continues.
    pub attachment: Option<Attachment>,
}

impl CatchUp {
    /// The events after this one.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn after(
        lease: &Lease,
        filter: &Filter,
        last: &Positions,
    ) -> Result<Self, StoreError> {
        let known = lease.positions();
        let positions = lease.positions_after(&filter.site, last).await?;
        let mut catch_up = Self {
            histories: Vec::new(),
            positions: Positions::default(),
            known,
            attachment: None,
        };
        for (partition, position) in positions.iter() {
            catch_up.add(lease, partition, position).await?;
        }
        Ok(catch_up)
    }

    /// Everything up to these was read.
    pub const fn positions(&self) -> &Positions {
        &self.positions
    }

    async fn add(
        &mut self,
        lease: &Lease,
        partition: Partition,
        position: StreamId,
    ) -> Result<(), StoreError> {
        let is_live = self.known.of(partition).is_some();
        let end = if is_live { StreamId::ZERO } else { lease.end_of(partition).await? };
        let history = lease.history(partition, position);
        self.histories.push(PartitionHistory { partition, history, end, is_read: false });
        self.positions.set(partition, position);
        Ok(())
    }

    /// Reads a page, and subscribes when the rest is short: what is published after that waits in the buffer.
    ///
    /// # Errors
    /// When Redis fails; the part can be read again.
    pub async fn next_part(&mut self, lease: &Lease, filter: &Filter) -> Result<Part, StoreError> {
        let published =
            self.attachment.as_ref().map_or_else(|| lease.positions(), |it| it.positions.clone());
        let mut part = Part::default();
        if let Some(next) = self.histories.iter_mut().find(|history| !history.is_read) {
            next.read(&published, filter, &mut self.positions, &mut part).await?;
        }
        part.attachment = self.end_of_history(lease, filter).await?;
        part.positions = self.positions.clone();
        Ok(part)
    }

    /// What continues, if all histories were read up to where it begins.
    async fn end_of_history(
        &mut self,
        lease: &Lease,
        filter: &Filter,
    ) -> Result<Option<Attachment>, StoreError> {
        if self.histories.iter().any(|history| !history.is_read) {
            return Ok(None);
        }
        let attachment = match self.attachment.take() {
            Some(attachment) => attachment,
            None => lease.attach(filter.clone()),
        };
        for history in &mut self.histories {
            let published = attachment.positions.of(history.partition).unwrap_or_default();
            history.is_read = published <= history.history.position();
        }
        self.add_new_partitions(lease, &attachment.positions).await?;
        if self.histories.iter().all(|history| history.is_read) {
            return Ok(Some(attachment));
        }
        self.attachment = Some(attachment);
        Ok(None)
    }

    /// Adds the partitions that have come into use since this began: the shared reader has published entries of them
    /// before the subscription.
    async fn add_new_partitions(
        &mut self,
        lease: &Lease,
        published: &Positions,
    ) -> Result<(), StoreError> {
        for (partition, _) in published.iter() {
            if self.known.of(partition).is_none() && self.positions.of(partition).is_none() {
                let position = lease.unnamed_position(partition, &self.positions).await?;
                self.add(lease, partition, position).await?;
            }
        }
        Ok(())
    }
}

impl PartitionHistory {
    async fn read(
        &mut self,
        published: &Positions,
        filter: &Filter,
        positions: &mut Positions,
        part: &mut Part,
    ) -> Result<(), StoreError> {
        let until = published.of(self.partition).unwrap_or(self.end);
        // Err: never, the semaphore is not closed.
        let permit = READS.acquire().await;
        let mut events = Vec::new();
        let page = self.history.next_page(until, |entry| {
            if entry.site_id() == Some(filter.site.as_str())
                && let Some(event) = entry.decode().map(|it| ReadingEvent::new(self.partition, it))
                && filter.matches(&event)
            {
                events.push(event);
            }
        });
        let page = page.await?;
        drop(permit);
        if page.has_gap {
            positions.set(self.partition, self.history.position());
            part.text.extend_from_slice(texts::reset(positions).as_bytes());
        }
        part.readings += events.len() as u64;
        for event in events {
            positions.set(self.partition, event.id);
            event.write_to(&mut part.text, positions);
        }
        positions.set(self.partition, self.history.position());
        self.is_read = page.is_last;
        Ok(())
    }
}
