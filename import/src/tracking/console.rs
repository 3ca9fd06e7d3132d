//! The terminal that an import writes to.

use std::fmt::Display;

/// Writes lines to the terminal. Lines contain parts of the imported file and of responses: an implementation
/// escapes characters that act on a terminal, line ends included.
pub trait Console: Sync {
    /// Writes a line to standard output.
    fn print(&self, line: &dyn Display);

    /// Writes a line to standard error.
    fn eprint(&self, line: &dyn Display);
}

/// A console for tests: drops every line.
#[cfg(test)]
pub struct Silent;

#[cfg(test)]
impl Console for Silent {
    fn print(&self, _: &dyn Display) {}

    fn eprint(&self, _: &dyn Display) {}
}
