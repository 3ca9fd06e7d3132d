//! The partitions from which readings of a site may come, and where to continue in them.
//!
//! While one number of partitions is in use a site has one, so an event's id is short. Around a change of that number it
//! has another one, too, and an id has the positions of both. What a client has missed since an event of before the change is
//! searched in the site's partitions of all counts of some days.

use std::collections::BTreeSet;
use std::time::Duration;

use readings::SiteId;
use readings::store::stream::StreamPartitions;
use readings::store::{Partition, StoreError, StreamId};

use super::positions::Positions;

/// How long before the last event of a client entries of a partition may be that its id does not name: the partition has
/// come into use since, and the service learns of that some seconds later. Too low: such entries are missed. Too high: entries of a
/// partition that was in use before are sent again.
const UNNAMED_BEFORE: Duration = Duration::from_mins(1);

/// Where to continue after an event with this id. If its partitions are not those of now, the number of partitions has
/// changed, or the id is a time (`<milliseconds>-0`): readings may be in the site's partition of each count of late.
///
/// # Errors
/// When Redis fails.
pub(super) async fn positions_after(
    partitions: &StreamPartitions,
    site: &SiteId,
    last: &Positions,
) -> Result<Positions, StoreError> {
    let current = partitions.current_of_site(site);
    if last.are_of(&current) {
        return Ok(last.clone());
    }
    let of_site = partitions.with_entries_of(site).await?;
    let of_site = of_site.iter().map(|stream| stream.keys().partition());
    let named = last.iter().map(|(partition, _)| partition);
    let mut positions = Positions::default();
    for partition in of_site.chain(named).collect::<BTreeSet<_>>() {
        let position = match last.of(partition) {
            Some(position) if current.contains(&partition) => position,
            // Of a stream that nothing is appended to: an id above all of its entries is no gap.
            Some(position) => position.min(end_of(partitions, partition).await?),
            None => unnamed_position(partitions, partition, last).await?,
        };
        positions.set(partition, position);
    }
    Ok(positions)
}

/// Where to continue in a partition that the id of the last event does not name.
///
/// # Errors
/// When Redis fails.
pub(super) async fn unnamed_position(
    partitions: &StreamPartitions,
    partition: Partition,
    last: &Positions,
) -> Result<StreamId, StoreError> {
    let before = u64::try_from(UNNAMED_BEFORE.as_millis()).unwrap_or(u64::MAX);
    let ms = last.latest().ms.saturating_sub(before);
    // An id above all that were ever added would be a gap.
    Ok(StreamId { ms, seq: 0 }.min(end_of(partitions, partition).await?))
}

/// The last entry of a partition.
///
/// # Errors
/// When Redis fails.
pub(super) async fn end_of(
    partitions: &StreamPartitions,
    partition: Partition,
) -> Result<StreamId, StoreError> {
    Ok(partitions.of_partition(partition).bounds().await?.last)
}
