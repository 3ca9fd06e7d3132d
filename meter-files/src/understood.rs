//! What was understood of a file, as a paragraph.

use std::fmt;

/// What was understood; each member is a part of the paragraph, and is left out where it does not apply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Understood {
    /// The profile's name and title, or how the shape was found otherwise.
    pub profile: String,
    /// The kind of file and its separator, as `a table separated by ";"`.
    pub kind: String,
    /// The line of the header, from 1.
    pub header_line: Option<u64>,
    /// Which column is what, as "`Start` is the start of the interval".
    pub columns: Vec<String>,
    /// How times are written, and in which zone.
    pub times: String,
    /// The length of an interval, and which end of it times denote.
    pub interval: String,
    /// The decimal sign, the encoding, and what else was decided.
    pub notes: Vec<String>,
}

impl fmt::Display for Understood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.header_line.map(|line| format!("the header is line {line}"));
        let parts = [self.profile.clone(), self.kind.clone()].into_iter().chain(header);
        let parts = parts.chain(self.columns.iter().cloned());
        let parts = parts
            .chain([self.times.clone(), self.interval.clone()])
            .chain(self.notes.iter().cloned());
        let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
        write!(f, "{}", parts.join("; "))
    }
}
