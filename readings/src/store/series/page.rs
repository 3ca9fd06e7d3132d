//! A page of a site's readings.

use crate::store::packed::PackedMembers;

/// The readings of one page, and how many of its members are invalid.
#[derive(Debug, Default)]
pub struct Page {
    /// JSON objects, each a reading.
    pub members: Vec<Vec<u8>>,
    /// Packed days that follow them: all their members are valid readings.
    pub days: Vec<PackedMembers>,
    /// Members that are not valid readings; they are left out.
    pub invalid: usize,
}
