//! Which sites were sent to be listed in the index, of those that have no writer to remember it.

use std::collections::HashSet;

use readings::SiteId;
use readings::store::Epoch;

/// Sites that are remembered at most; past that all are forgotten, and listed once more.
const MAX_LISTED: usize = 100_000;

/// Sites that were sent to be listed in the present epoch.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    epoch: Option<Epoch>,
    sites: HashSet<SiteId>,
}

impl Listed {
    /// Notes that a site is sent now; says when it was sent before.
    pub fn replace(&mut self, site: &SiteId, now: Epoch) -> Option<Epoch> {
        if self.epoch != Some(now) || self.sites.len() >= MAX_LISTED {
            *self = Self { epoch: Some(now), sites: HashSet::new() };
        }
        if self.sites.contains(site) {
            return Some(now);
        }
        self.sites.insert(site.clone());
        None
    }
}
