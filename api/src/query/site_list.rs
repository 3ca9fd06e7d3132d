//! The list of sites, of which a key may permit some only.

use std::ops::Bound;

use readings::store::StoreError;
use readings::store::site_index::SiteIndex;

use crate::access::{ApiKey, SitePattern};

/// The ids of up to `limit` sites after `after`, in the order of their bytes; with a key, of those that it permits.
pub(super) async fn list(
    index: &SiteIndex,
    key: Option<&ApiKey>,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    match key.filter(|key| key.is_restricted_to_sites()) {
        None => index.list(after.map_or(Bound::Unbounded, Bound::Excluded), limit).await,
        Some(key) => list_permitted(index, key, after, limit).await,
    }
}

/// Reads only where the prefixes of the key's patterns are: of a million sites, those of one customer.
async fn list_permitted(
    index: &SiteIndex,
    key: &ApiKey,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let prefixes: Vec<_> = key.sites.iter().map(SitePattern::prefix).collect();
    let (mut permitted, mut after) = (Vec::new(), after.map(str::to_owned));
    while let Some(start) = next_start(&prefixes, after.as_deref()) {
        let sites = index.list(start, limit).await?;
        let is_last = sites.len() < limit;
        let last = sites.last().cloned();
        permitted.extend(sites.into_iter().filter(|site| key.permits_site(site)));
        if is_last || permitted.len() >= limit {
            break;
        }
        after = last;
    }
    permitted.truncate(limit);
    Ok(permitted)
}

/// Where the first site after `after` can be that begins with one of the prefixes.
fn next_start<'a>(prefixes: &[&'a str], after: Option<&'a str>) -> Option<Bound<&'a str>> {
    let Some(after) = after else { return prefixes.iter().min().copied().map(Bound::Included) };
    if prefixes.iter().any(|prefix| after.starts_with(prefix)) {
        return Some(Bound::Excluded(after));
    }
    prefixes.iter().filter(|prefix| **prefix > after).min().copied().map(Bound::Included)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_read_only_where_a_prefix_permits_them() {
        use Bound::{Excluded, Included};
        let prefixes = ["house-", "shop"];
        for (after, start) in [
            (None, Some(Included("house-"))),
            (Some("a"), Some(Included("house-"))),
            (Some("house"), Some(Included("house-"))),
            (Some("house-"), Some(Excluded("house-"))),
            (Some("house-7"), Some(Excluded("house-7"))),
            (Some("house."), Some(Included("shop"))),
            (Some("shop"), Some(Excluded("shop"))),
            (Some("shopping"), Some(Excluded("shopping"))),
            (Some("t"), None),
        ] {
            assert_eq!(next_start(&prefixes, after), start, "{after:?}");
        }
        assert_eq!(next_start(&[""], Some("z")), Some(Excluded("z")));
        assert_eq!(next_start(&["", "a"], None), Some(Included("")));
    }
}
