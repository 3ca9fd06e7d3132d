//! Which days of all sites are due.
//!
//! A site has a header for each day of years. The summary of its days says whether one of them is due, so headers are read
//! of the sites alone that have one: once a day, when its next day is old enough.

use std::ops::Bound;

use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::keys;
use readings::store::packed::PackedDays;
use readings::store::series::SiteIndex;

use super::error::RunError;
use super::plan::SiteDaySet;

/// Sites of one page of the index. Too low: a round trip to Redis for few. Too high: more memory.
const PAGE: usize = 1_000;

/// Days of sites that one pass archives at most; the next pass of the run does others. Too low and files are replaced
/// several times; too high and the plan needs more memory (about 100 bytes each).
const DAYS_OF_PASS: usize = 500_000;

/// A scan over the index.
pub(super) struct Scan<'a> {
    pub packed: &'a PackedDays,
    pub sites: &'a SiteIndex,
    /// Days before it are due.
    pub cut: Day,
}

/// What it has found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub due: SiteDaySet,
    /// Whether it has come to the end of the index.
    pub is_complete: bool,
    /// The first day that the archive has by the headers, or gets in this pass.
    pub first_archived: Option<Day>,
    days: usize,
    after: Option<SiteId>,
}

impl Scan<'_> {
    /// Scans the next page of the index: whether there may be another one.
    pub async fn next_page(&self, found: &mut Found) -> Result<bool, RunError> {
        let after = found.after.as_ref();
        let start = after.map_or(Bound::Unbounded, |it| Bound::Excluded(it.as_str()));
        let page = self.sites.list(start, "", PAGE).await?;
        let sites: Vec<_> = page.iter().filter(|site| keys::can_be_packed(site)).collect();
        let summaries = self.packed.summaries(&sites).await?;
        for (site, summary) in sites.into_iter().zip(summaries) {
            let Some(summary) = summary else { continue };
            found.add_archived(summary.first_archived());
            if summary.first_archivable().is_some_and(|day| day < self.cut) {
                self.add_due(site, found).await?;
            }
            if found.days >= DAYS_OF_PASS {
                return Ok(false);
            }
        }
        found.after = page.into_iter().next_back();
        found.is_complete = found.after.is_none();
        Ok(!found.is_complete)
    }

    async fn add_due(&self, site: &SiteId, found: &mut Found) -> Result<(), RunError> {
        let headers = self.packed.of_site(site).await?.headers;
        let due = headers.range(..self.cut).filter(|(_, header)| header.is_archivable());
        let due: std::collections::BTreeSet<_> = due.map(|(day, _)| *day).collect();
        if !due.is_empty() {
            found.add_archived(due.first().copied());
            found.days += due.len();
            found.due.insert(site.clone(), due);
        }
        Ok(())
    }
}

impl Found {
    fn add_archived(&mut self, day: Option<Day>) {
        self.first_archived = [self.first_archived, day].into_iter().flatten().min();
    }
}
