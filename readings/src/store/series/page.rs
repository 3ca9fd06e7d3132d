//! A page of a site's readings.

/// The readings of one page, and how many of its members are invalid.
#[derive(Debug, Default)]
pub struct Page {
    /// JSON objects, each a reading.
    pub members: Vec<Vec<u8>>,
    /// Members that are not valid readings; they are left out.
    pub invalid: usize,
}
