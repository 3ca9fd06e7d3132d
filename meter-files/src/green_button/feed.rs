//! Which reading type the values of a block have.

use super::document::{Entry, IntervalReading, Resource};
use super::reading_type::ReadingType;
use crate::error::FileError;

/// The entries of a feed, in its order.
pub struct Feed {
    entries: Vec<Entry>,
}

impl Feed {
    /// A feed of these entries.
    pub const fn new(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// The values of all blocks, each with its reading type.
    ///
    /// # Errors
    /// When a block with values has no reading type with a unit.
    pub fn into_readings(self) -> Result<Vec<(IntervalReading, ReadingType)>, FileError> {
        let mut found = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let Resource::IntervalBlock(readings) = &entry.resource else { continue };
            let kind = self.reading_type(at).filter(|kind| kind.has_unit());
            let kind = kind.ok_or_else(|| {
                FileError::shape("the values of the feed have no ReadingType with a unit (uom)")
            })?;
            found.extend(readings.iter().map(|reading| (reading.clone(), kind.clone())));
        }
        Ok(found)
    }

    /// By links, else the one before the block, else the only one of the feed.
    fn reading_type(&self, block: usize) -> Option<&ReadingType> {
        let linked = self.meter_reading(block).and_then(|meter| self.linked_type(meter));
        let before = || self.entries[..block].iter().rev().find_map(reading_type);
        let only = || {
            let mut types = self.entries.iter().filter_map(reading_type);
            types.next().filter(|_| types.next().is_none())
        };
        linked.or_else(before).or_else(only)
    }

    fn meter_reading(&self, block: usize) -> Option<&Entry> {
        let block = &self.entries[block];
        let has_block = |meter: &&Entry| {
            let is_meter = matches!(meter.resource, Resource::MeterReading);
            let is_inside =
                [&block.own, &block.up].into_iter().any(|address| is_below(address, &meter.own));
            is_meter
                && (is_inside
                    || meter
                        .related
                        .iter()
                        .any(|related| !related.is_empty() && *related == block.up))
        };
        self.entries.iter().find(has_block)
    }

    fn linked_type(&self, meter: &Entry) -> Option<&ReadingType> {
        let is_linked =
            |entry: &&Entry| !entry.own.is_empty() && meter.related.contains(&entry.own);
        self.entries.iter().filter(is_linked).find_map(reading_type)
    }
}

fn reading_type(entry: &Entry) -> Option<&ReadingType> {
    match &entry.resource {
        Resource::ReadingType(kind) => Some(kind),
        _ => None,
    }
}

/// Whether an address is this one or below it.
fn is_below(address: &str, parent: &str) -> bool {
    let rest = if parent.is_empty() { None } else { address.strip_prefix(parent) };
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
