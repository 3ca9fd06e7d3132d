//! The rows of a text that has many readings: numbered lines, and CSV with a header.
//!
//! The Ingestion API and `import` read CSV by the same rules.

pub mod csv;
pub mod lines;
mod row_error;

pub use self::row_error::RowError;
