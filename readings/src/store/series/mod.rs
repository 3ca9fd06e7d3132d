//! The readings of each site: a sorted set, scored by the instant.

pub mod insertions;
mod order;
mod reader;
pub mod site_index;

pub use reader::{Page, SeriesReader, SeriesStore};
