//! What arithmetic needs of a reading.

use std::sync::Arc;

use crate::energy::integration::Sample;

/// Power of a device.
#[derive(Debug, Clone)]
pub struct DeviceSample {
    /// The device.
    pub device: Arc<str>,
    /// Its power at an instant.
    pub sample: Sample,
}
