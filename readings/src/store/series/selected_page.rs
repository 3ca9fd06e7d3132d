//! A page of selected readings.

use super::selection::Position;

/// A selected reading.
#[derive(Debug)]
pub struct Selected<T = Vec<u8>> {
    /// Its position in the order.
    pub position: Position,
    /// A JSON object, or what was read of it.
    pub member: T,
}

/// The selected readings among the members of one page.
#[derive(Debug, Default)]
pub struct SelectedPage {
    /// In the order of the selection.
    pub readings: Vec<Selected>,
    /// Members that are not valid readings; they are left out.
    pub invalid: usize,
}
