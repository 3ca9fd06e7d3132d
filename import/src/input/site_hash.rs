//! The site of a row, as far as the order of rows needs it.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The hash of a site's id, by which its rows are kept in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteHash(u64);

impl SiteHash {
    /// That of a site.
    pub fn of(site_id: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        site_id.hash(&mut hasher);
        Self(hasher.finish())
    }

    /// One of `count` parts that all sites are divided into.
    pub fn part(self, count: usize) -> usize {
        usize::try_from(self.0 % (count.max(1) as u64)).unwrap_or_default()
    }
}
