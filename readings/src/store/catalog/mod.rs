//! What is known of sites without reading all of their readings: overviews, devices, latest readings.
//!
//! | file | what it owns |
//! |---|---|
//! | `site_catalog` | [`SiteCatalog`]: the questions |
//! | `site_devices` | the devices of a site, and the last reading of each |
//! | `directory` | devices until an instant, and when what is known of them is valid |
//! | `directories` | the directories of this process |
//! | `scan`, `last_members` | reading members in the order of time, and those at instants that are known |
//! | `device_facts` | what is known of one device |
//! | `overviews` | what is known of a site, from both ends of its sorted set and what is known of its days |
//! | `overview_reader` | reading that of many sites |
//! | `site_days` | the readings of sites outside of their sorted sets |
//! | `ends` | the commands that read an end of a sorted set |
//! | `plausible` | which timestamps are plausible |
//! | `tiers` | how many readings each tier has, from a sample of sites |
//! | `status` | how recent the last reading is, by the interval of its device or site |

mod device_facts;
mod directories;
mod directory;
mod ends;
mod last_members;
mod overview_reader;
mod overviews;
mod plausible;
mod scan;
mod site_catalog;
mod site_days;
mod site_devices;
mod status;
mod tiers;

pub use device_facts::DeviceFacts;
pub use overviews::SiteOverview;
pub use plausible::Plausible;
pub use site_catalog::SiteCatalog;
pub use site_devices::{Device, SiteDevices};
pub use status::{Seen, Status};
pub use tiers::{Tier, Tiers};
