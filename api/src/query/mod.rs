//! Reading back: the readings of a site, the list of sites.

mod readings_body;
mod response_slots;

use std::net::SocketAddr;
use std::sync::Arc;

use poem::Request;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::registry::MetaSchema;
use poem_openapi::{ApiResponse, Object, OpenApi};
use readings::SiteId;
use readings::store::StoreError;
use readings::store::series::SeriesStore;
use readings::store::site_index::SiteIndex;

use self::readings_body::Export;
pub use self::readings_body::ReadingsJson;
use self::response_slots::Places;

use crate::error_body::{ErrorBody, ValidationErrorBody};
use crate::error_code::ErrorCode;
use crate::head_only::HeadOnly;
use crate::parameter::{Breach, Checked, Rule};
use crate::store_failure::{StoreOperation, unavailable};
use crate::tags::Topic;

/// Sites that one page of the list has at most.
const MAX_SITES: usize = 1_000;

/// The operations that read back what is stored.
#[derive(Debug)]
pub struct QueryApi {
    series: SeriesStore,
    sites: SiteIndex,
    places: Arc<Places>,
}

impl QueryApi {
    /// Reads from these.
    #[must_use]
    pub fn new(series: SeriesStore, sites: SiteIndex) -> Self {
        Self { series, sites, places: Arc::default() }
    }
}

/// The site that a path names; `None` for the empty text.
struct SiteInPath;

impl Rule for SiteInPath {
    type Value = Option<SiteId>;

    const PLACE: [&'static str; 2] = ["path", "site_id"];
    const REQUIRED: bool = true;

    fn schema() -> MetaSchema {
        MetaSchema { min_length: Some(1), ..MetaSchema::new("string") }
    }

    fn read(text: Option<&str>) -> Result<Self::Value, Breach> {
        Ok(SiteId::new(text.ok_or_else(Breach::unicode)?))
    }
}

/// A site.
#[derive(Debug, Clone, Object)]
pub struct Site {
    /// Its id.
    site_id: String,
}

/// A page of the list of sites.
#[derive(Debug, Clone, Object)]
pub struct Sites {
    /// Sites in the order of their ids' bytes.
    sites: Vec<Site>,
    /// The `after` of the next page; not there on the last.
    #[oai(skip_serializing_if_is_none)]
    next_after: Option<String>,
}

#[derive(ApiResponse)]
enum ReadingsAnswer {
    /// All the readings; none for a site that is unknown.
    #[oai(status = 200)]
    Readings(ReadingsJson),
    /// There is no site with an empty id.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// The site's id is not UTF-8.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
    /// The store cannot be read now.
    #[oai(status = 503)]
    Unavailable(Json<ErrorBody>, #[oai(header = "Retry-After")] u64),
}

#[derive(ApiResponse)]
enum SitesAnswer {
    /// A page of the list.
    #[oai(status = 200)]
    Sites(Json<Sites>),
    /// The store cannot be read now.
    #[oai(status = 503)]
    Unavailable(Json<ErrorBody>, #[oai(header = "Retry-After")] u64),
}

#[OpenApi(tag = "Topic::Query")]
impl QueryApi {
    /// All readings of a site
    ///
    /// Oldest first by instant, readings of one instant by stream id. However many there are, they
    /// are sent as they are read; an answer that breaks off is not complete.
    #[oai(path = "/sites/:site_id/readings", method = "get", operation_id = "get_site_readings")]
    async fn site_readings(
        &self,
        /// The site's id; a `/` in it is written `%2F`.
        site_id: Path<Checked<SiteInPath>>,
        request: &Request,
    ) -> ReadingsAnswer {
        let site = match site_id.0.0 {
            Ok(Some(site)) => site,
            Ok(None) => {
                return ReadingsAnswer::NotFound(Json(ErrorBody::new(
                    ErrorCode::NotFound,
                    "Not Found",
                )));
            }
            Err(fault) => return ReadingsAnswer::Invalid(Json(fault.into())),
        };
        match self.export(&site, request).await {
            Ok(Some(readings)) => ReadingsAnswer::Readings(readings),
            Ok(None) => ReadingsAnswer::Unavailable(Json(too_many_exports()), 5),
            Err(error) => {
                let (problem, retry_after) = unreadable(&error);
                ReadingsAnswer::Unavailable(Json(problem), retry_after)
            }
        }
    }

    /// The sites that have readings
    ///
    /// In pages; a site is listed from its first reading that this program stored. Not listed are sites
    /// of which only the program that it replaces has stored readings: those can be read all the same.
    #[oai(path = "/sites", method = "get", operation_id = "get_sites")]
    async fn sites(
        &self,
        /// Begin after this site: `next_after` of the page before.
        after: Query<Option<String>>,
    ) -> SitesAnswer {
        let after = after.0.and_then(SiteId::new);
        match self.sites.list(after.as_ref(), MAX_SITES).await {
            Ok(ids) => SitesAnswer::Sites(Json(page(ids))),
            Err(error) => {
                let (problem, retry_after) = unreadable(&error);
                SitesAnswer::Unavailable(Json(problem), retry_after)
            }
        }
    }
}

impl QueryApi {
    /// The readings of a site; `None` when there is no place for an answer that is so large.
    async fn export(
        &self,
        site: &SiteId,
        request: &Request,
    ) -> Result<Option<ReadingsJson>, StoreError> {
        let begun = self.begin(site).await?;
        if begun.is_small() || request.extensions().get::<HeadOnly>().is_some() {
            return Ok(Some(begun.without_place()));
        }
        let client = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
        if let Some(place) = self.places.take(client) {
            return Ok(Some(begun.stream(place)));
        }
        // What has been read is read again: those that wait must not fill the memory.
        drop(begun);
        let Some(place) = self.places.wait(client).await else { return Ok(None) };
        Ok(Some(self.begin(site).await?.stream(place)))
    }

    async fn begin(&self, site: &SiteId) -> Result<Export, StoreError> {
        Export::begin(site, self.series.read(site), &self.places).await
    }
}

fn page(ids: Vec<String>) -> Sites {
    let next_after = ids.last().filter(|_| ids.len() == MAX_SITES).cloned();
    Sites { sites: ids.into_iter().map(|site_id| Site { site_id }).collect(), next_after }
}

fn unreadable(error: &StoreError) -> (ErrorBody, u64) {
    unavailable(StoreOperation::Query, error)
}

fn too_many_exports() -> ErrorBody {
    ErrorBody::new(
        ErrorCode::TooManyLargeResponses,
        "Too many large answers are under way; try again when one has ended",
    )
}
