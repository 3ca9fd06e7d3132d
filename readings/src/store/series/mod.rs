//! The stored readings: a sorted set for each site, scored by the instant, and an index of the sites.
//!
//! | file | what it owns |
//! |---|---|
//! | `series_store` | the sorted sets |
//! | `tier_removal` | removes members from all tiers |
//! | `packed_rewrite` | writes a packed day again without some of its members |
//! | `expiry` | removes readings that have expired |
//! | `archived_members` | members of archived days, for what changes them |
//! | [`write_batch`] | writing readings of many sites as one pipeline |
//! | `deduplication` | writes that leave one reading of a device and an instant |
//! | `tiers` | the members of a site in all tiers, page by page |
//! | `reader`, `page` | reading a site page by page |
//! | `selection`, `selection_reader`, `selected_page`, `selected_ties` | reading by range, device, order and position, page by page |
//! | `invalidation` | rollups of days whose readings are removed |
//! | `sample_reader` | reading what arithmetic needs |
//! | `order` | the order of readings with one timestamp |
//! | [`site_index`] | which sites have readings |
//! | [`site_scan`] | finding sites whose readings another program stored |
//! | `found_keys` | which sites have readings, of the keys that were found |

mod archived_members;
mod deduplication;
mod expiry;
mod found_keys;
mod invalidation;
mod order;
mod packed_rewrite;
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
mod tier_removal;
mod tiers;
pub mod write_batch;

pub use deduplication::{DedupPolicy, Deduplication, SiteOutcome, UncomparedDay, UncomparedDays};
pub use page::Page;
pub use reader::SeriesReader;
pub use sample_reader::SampleReader;
pub use selected_page::{Selected, SelectedPage};
pub use selection::{Order, Position, Selection};
pub use selection_reader::SelectionReader;
pub use series_store::SeriesStore;
pub use site_index::SiteIndex;
pub use write_batch::{SiteWrite, WriteBatch, WriteResult};
