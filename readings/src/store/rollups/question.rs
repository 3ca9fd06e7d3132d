//! What is asked of a site.

use std::collections::BTreeSet;

use crate::energy::integration::Aggregation;

/// Buckets, of some devices or of all.
#[derive(Debug, Clone)]
pub struct Question {
    /// The buckets and the rules.
    pub aggregation: Aggregation,
    /// The devices; all when it is empty.
    pub devices: BTreeSet<String>,
}

impl Question {
    /// Whether it is about a device.
    pub(super) fn includes(&self, device: &str) -> bool {
        self.devices.is_empty() || self.devices.contains(device)
    }
}

impl From<Aggregation> for Question {
    /// Of all devices.
    fn from(aggregation: Aggregation) -> Self {
        Self { aggregation, devices: BTreeSet::new() }
    }
}
