//! Packs closed days of a site, as the processing service does.

use readings::energy::rollup::Day;
use readings::store::packing::SitePacker;
use readings::{Instant, SiteId};

/// Packs the days before one (since 1970), at the end of it; gives how many were visited.
pub async fn pack_before(packer: &mut SitePacker, site: &SiteId, until: i32) -> usize {
    let mut visited = 0;
    let until = Day::from_number(until);
    let now: Instant = until.next().start();
    for due in packer.due(std::slice::from_ref(site), until, now).await.unwrap() {
        let mut packing = packer.begin(due);
        while packer.next(&mut packing).await.unwrap().is_some() {
            visited += 1;
        }
        packer.end(packing).await.unwrap();
    }
    visited
}
