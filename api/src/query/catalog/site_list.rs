//! The list of sites, of which a key may permit some only.

use std::ops::Bound;

use readings::SiteId;
use readings::store::StoreError;
use readings::store::catalog::SiteCatalog;

use crate::access::{ApiKey, SitePattern};

/// Which sites.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The key whose sites they are; `None` where no keys are required.
    pub key: Option<&'a ApiKey>,
    /// What they begin with.
    pub prefix: &'a str,
    /// The site that they follow.
    pub after: Option<&'a str>,
    /// How many.
    pub limit: usize,
}

/// The wanted sites, in the order of their ids' bytes; with a key, those that it permits.
pub(super) async fn list(
    catalog: &SiteCatalog,
    wanted: Wanted<'_>,
) -> Result<Vec<SiteId>, StoreError> {
    match wanted.key.filter(|key| key.is_restricted_to_sites()) {
        None => {
            let start = wanted.after.map_or(Bound::Unbounded, Bound::Excluded);
            catalog.list(start, wanted.prefix, wanted.limit).await
        }
        Some(key) => list_permitted(catalog, key, wanted).await,
    }
}

/// Reads only where the prefixes of the key's patterns are: of a million sites, those of one customer.
async fn list_permitted(
    catalog: &SiteCatalog,
    key: &ApiKey,
    wanted: Wanted<'_>,
) -> Result<Vec<SiteId>, StoreError> {
    let Wanted { prefix, limit, .. } = wanted;
    let prefixes = narrowed(key.sites.iter().map(SitePattern::prefix), prefix);
    let (mut permitted, mut after) = (Vec::new(), wanted.after.map(str::to_owned));
    while let Some(start) = next_start(&prefixes, after.as_deref()) {
        let sites = catalog.list(start, prefix, limit).await?;
        let is_last = sites.len() < limit;
        let last = sites.last().map(ToString::to_string);
        permitted.extend(sites.into_iter().filter(|site| key.permits_site(site.as_str())));
        if is_last || permitted.len() >= limit {
            break;
        }
        after = last;
    }
    permitted.truncate(limit);
    Ok(permitted)
}

/// The prefixes of sites that begin with one of these and with the wanted prefix.
fn narrowed<'a>(prefixes: impl Iterator<Item = &'a str>, wanted: &'a str) -> Vec<&'a str> {
    let both = |prefix: &'a str| {
        if prefix.starts_with(wanted) {
            Some(prefix)
        } else {
            wanted.starts_with(prefix).then_some(wanted)
        }
    };
    prefixes.filter_map(both).collect()
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

    #[test]
    fn a_wanted_prefix_narrows_those_of_a_key() {
        let narrowed = |wanted| narrowed(["house-", "shop"].into_iter(), wanted);
        assert_eq!(narrowed(""), ["house-", "shop"]);
        assert_eq!(narrowed("house"), ["house-"]);
        assert_eq!(narrowed("house-7"), ["house-7"]);
        assert_eq!(narrowed("x"), [""; 0]);
    }
}
