//! The stored readings: a sorted set for each site, scored by the instant, and an index of the sites.
//!
//! | file | what it owns |
//! |---|---|
//! | `series_store` | the sorted sets: removal and expiry |
//! | [`write_batch`] | writing readings of many sites as one pipeline |
//! | `deduplication` | writes that leave one reading of a device and an instant |
//! | `member_pages` | pages of a sorted set: the scripts and ranges by which they are read |
//! | `reader`, `page` | reading a site page by page |
//! | `selection`, `selection_reader`, `selected_page`, `selected_ties` | reading by range, device, order and position, page by page |
//! | `invalidation` | rollups of days whose readings are removed |
//! | `sample_reader` | reading what arithmetic needs |
//! | `order` | the order of readings with one timestamp |
//! | [`site_index`] | which sites have readings |
//! | [`site_scan`] | finding sites whose readings another program stored |

mod deduplication;
mod invalidation;
mod member_pages;
mod order;
mod page;
mod reader;
mod sample_reader;
mod selected_page;
mod selected_ties;
mod selection;
mod selection_reader;
mod series_store;
pub mod site_index;
pub mod site_scan;
pub mod write_batch;

pub use deduplication::{DedupPolicy, Deduplication, SiteOutcome};
pub use page::Page;
pub use reader::SeriesReader;
pub use sample_reader::{DeviceSample, SampleReader};
pub use selected_page::{Selected, SelectedPage};
pub use selection::{Order, Position, Selection};
pub use selection_reader::SelectionReader;
pub use series_store::SeriesStore;
pub use site_index::SiteIndex;
pub use write_batch::{SiteWrite, WriteBatch, WriteResult};
