//! The sites whose index entry has been sent, for sites that have no writer to remember it.

use std::collections::HashSet;

use readings::SiteId;
use readings::store::Generation;

/// Sites that are remembered at most. At more, all are forgotten and indexed again: too low and index
/// commands are repeated; too high and each site costs some 60 bytes.
const MAX_INDEXED: usize = 100_000;

/// Sites that have been indexed in the present generation of the connection.
#[derive(Debug, Default)]
pub(crate) struct IndexedSites {
    generation: Option<Generation>,
    sites: HashSet<SiteId>,
}

impl IndexedSites {
    /// Remembers that a site is indexed now. Returns the generation in which it was indexed before.
    pub fn insert(&mut self, site: &SiteId, now: Generation) -> Option<Generation> {
        if self.generation != Some(now) || self.sites.len() >= MAX_INDEXED {
            self.generation = Some(now);
            self.sites.clear();
        }
        if self.sites.contains(site) {
            return Some(now);
        }
        self.sites.insert(site.clone());
        None
    }
}
