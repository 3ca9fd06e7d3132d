//! CSV: records, and the header.

pub mod header;
mod quotes;
pub mod records;
