//! The rows of a CSV file with a header.

mod hour_24;
pub mod rows;
