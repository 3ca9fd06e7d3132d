//! A page of the list of sites, and its body.

use std::time::Duration;

use poem::Request;
use poem_openapi::Object;
use readings::store::StoreError;
use readings::store::catalog::{Plausible, SiteCatalog, SiteOverview};
use readings::{Instant, SiteId};

use super::site_cursor::SiteCursor;
use super::site_list::{self, Wanted};
use super::site_parameters::SiteRequest;
use super::times::{StatusName, utc};
use crate::access::ApiKey;
use crate::query::next_link;

/// A site.
#[derive(Debug, Clone, Object)]
#[allow(clippy::struct_field_names, reason = "members of a body")]
pub struct Site {
    /// Its id.
    site_id: String,
    /// The number of its readings; null where the service may not count them in Redis.
    #[oai(nullable)]
    readings: Option<u64>,
    /// The timestamp of its first reading, in UTC. Timestamps before 1990 or more than five minutes ahead of now do not
    /// count, here and in `last`.
    #[oai(nullable)]
    first: Option<String>,
    /// The timestamp of its last reading, in UTC.
    #[oai(nullable)]
    last: Option<String>,
    /// When its last reading was accepted, in UTC; one with a timestamp that is ahead counts here.
    #[oai(nullable)]
    last_ingested_at: Option<String>,
    /// How recent its last reading is. The interval is the time from it back to the newest reading
    /// that is at least 50 seconds older.
    status: StatusName,
}

impl Site {
    pub(super) fn new(id: &SiteId, overview: &SiteOverview, now: Instant) -> Self {
        Self {
            site_id: id.to_string(),
            readings: overview.readings,
            first: overview.first.and_then(utc),
            last: overview.seen.last.and_then(utc),
            last_ingested_at: overview.seen.last_ingested_at().and_then(utc),
            status: overview.status(now).into(),
        }
    }
}

/// A page of the list of sites.
#[derive(Debug, Clone, Object)]
#[allow(clippy::struct_field_names, reason = "members of a body")]
pub struct Sites {
    /// Sites in the order of their ids' bytes.
    sites: Vec<Site>,
    /// The `after` of the next page; absent on the last page.
    #[oai(skip_serializing_if_is_none)]
    next_after: Option<String>,
    /// The `cursor` of the next page; absent on the last page.
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A page.
pub(super) struct SitePage {
    pub body: Sites,
}

impl SitePage {
    /// Reads the sites of a request, with a key those that it permits.
    pub async fn read(
        catalog: &SiteCatalog,
        request: &SiteRequest,
        key: Option<&ApiKey>,
    ) -> Result<Self, StoreError> {
        let SiteRequest { prefix, limit, after } = request;
        // One more shows whether others follow.
        let wanted = Wanted { key, prefix, after: after.as_deref(), limit: limit + 1 };
        let mut ids = site_list::list(catalog, wanted).await?;
        let has_more = ids.len() > *limit;
        ids.truncate(*limit);
        let plausible = plausible_now();
        let overviews = catalog.overviews(&ids, plausible).await?;
        let last = ids.last().filter(|_| has_more);
        let next_cursor = last.map(|last| SiteCursor::new(prefix, last.as_str()).text());
        let next_after = last.map(ToString::to_string);
        let sites = ids.iter().zip(overviews).map(|(id, it)| Site::new(id, &it, plausible.now()));
        Ok(Self { body: Sites { sites: sites.collect(), next_after, next_cursor } })
    }

    /// The value of `Link`.
    pub fn link(&self, request: &Request) -> Option<String> {
        let cursor = self.body.next_cursor.as_ref()?;
        Some(next_link(request, cursor, &["cursor", "after"]))
    }
}

/// What is plausible now, by this machine's clock.
pub(super) fn plausible_now() -> Plausible {
    // None: the clock is before 1970; then nothing is plausible.
    let now = Instant::before_now(Duration::ZERO).unwrap_or(Instant::from_epoch_micros(0));
    Plausible::at(now)
}
