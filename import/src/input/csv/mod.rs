//! CSV: records, and the rows of a file with a header.

pub mod header;
mod hour_24;
mod quotes;
mod records;
pub mod rows;
