//! Queries: the readings of a site, the list of sites.

mod readings_body;
mod response_slots;
mod site_list;

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

use self::readings_body::ReadingsBody;
pub use self::readings_body::ReadingsJson;
use self::response_slots::ResponseSlots;

use crate::access::Grant;
use crate::api_tag::ApiTag;
use crate::client_slots::Client;
use crate::error_body::{ErrorBody, ValidationErrorBody};
use crate::error_code::ErrorCode;
use crate::head_only::HeadOnly;
use crate::parameter::{Checked, Parameter, ParameterError};
use crate::store_failure::{ServiceUnavailable, StoreOperation};

/// The longest page of the list. Too low and a long list takes many requests; too high and one response takes much
/// memory.
const MAX_SITES: usize = 1_000;

/// Seconds after which a client should try again when no slot is free.
const BUSY_RETRY_AFTER_SECONDS: u64 = 5;

/// The operations that return stored readings.
#[derive(Debug)]
pub struct QueryApi {
    series: SeriesStore,
    sites: SiteIndex,
    slots: Arc<ResponseSlots>,
}

impl QueryApi {
    /// Reads from these parts of the store.
    #[must_use]
    pub fn new(series: SeriesStore, sites: SiteIndex) -> Self {
        Self { series, sites, slots: Arc::default() }
    }
}

/// The site id of a path; `None` when it is empty.
struct SiteIdInPath;

impl Parameter for SiteIdInPath {
    type Value = Option<SiteId>;

    const LOCATION: [&'static str; 2] = ["path", "site_id"];
    const REQUIRED: bool = true;

    fn schema() -> MetaSchema {
        MetaSchema { min_length: Some(1), ..MetaSchema::new("string") }
    }

    fn parse(text: Option<&str>) -> Result<Self::Value, ParameterError> {
        Ok(SiteId::new(text.ok_or_else(ParameterError::unicode)?))
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
    /// The `after` of the next page; absent on the last page.
    #[oai(skip_serializing_if_is_none)]
    next_after: Option<String>,
}

#[derive(ApiResponse)]
enum ReadingsResponse {
    /// All readings; an empty list for an unknown site.
    #[oai(status = 200)]
    Readings(ReadingsJson),
    /// The site id is empty.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// The site id is not UTF-8.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
}

#[derive(ApiResponse)]
enum SitesResponse {
    /// A page of the list.
    #[oai(status = 200)]
    Sites(Json<Sites>),
}

#[OpenApi(tag = "ApiTag::Query")]
impl QueryApi {
    /// All readings of a site
    ///
    /// Oldest first by instant, readings of the same instant by stream id. They are streamed, however many there
    /// are; a response whose connection is aborted is not complete.
    #[oai(path = "/sites/:site_id/readings", method = "get", operation_id = "get_site_readings")]
    async fn site_readings(
        &self,
        /// The site's id; a `/` in it is written `%2F`.
        site_id: Path<Checked<SiteIdInPath>>,
        request: &Request,
    ) -> Result<ReadingsResponse, ServiceUnavailable> {
        let site = match site_id.0.0 {
            Ok(Some(site)) => site,
            Ok(None) => return Ok(ReadingsResponse::NotFound(Json(not_found()))),
            Err(error) => return Ok(ReadingsResponse::Invalid(Json(error.into()))),
        };
        let readings = self.readings(&site, request).await.map_err(|error| failed(&error))?;
        readings.map(ReadingsResponse::Readings).ok_or_else(too_many_large_responses)
    }

    /// The sites that have readings
    ///
    /// In pages. A site is listed after this program has stored a reading of it. Sites with readings of the program
    /// that it replaces only are not listed; their readings can be requested all the same. With an API key for some
    /// sites only, these are listed.
    #[oai(path = "/sites", method = "get", operation_id = "get_sites")]
    async fn sites(
        &self,
        /// The page begins after this site: `next_after` of the page before.
        after: Query<Option<String>>,
        request: &Request,
    ) -> Result<SitesResponse, ServiceUnavailable> {
        let key = request.extensions().get::<Grant>().map(Grant::key);
        let after = after.0.filter(|site| !site.is_empty());
        let ids = site_list::list(&self.sites, key, after.as_deref(), MAX_SITES).await;
        let ids = ids.map_err(|error| failed(&error))?;
        Ok(SitesResponse::Sites(Json(page(ids))))
    }
}

impl QueryApi {
    /// The readings of a site; `None` when they are many and no slot is free.
    async fn readings(
        &self,
        site: &SiteId,
        request: &Request,
    ) -> Result<Option<ReadingsJson>, StoreError> {
        let body = self.begin(site).await?;
        if body.is_small() || request.extensions().get::<HeadOnly>().is_some() {
            return Ok(Some(body.without_slot()));
        }
        let client = Client::of(request);
        if let Some(slot) = self.slots.try_acquire(&client) {
            return Ok(Some(body.with_slot(slot)));
        }
        // Requests that wait for a slot must not fill the memory: the first page is dropped, and read again later.
        drop(body);
        let Some(slot) = self.slots.acquire(&client).await else { return Ok(None) };
        Ok(Some(self.begin(site).await?.with_slot(slot)))
    }

    async fn begin(&self, site: &SiteId) -> Result<ReadingsBody, StoreError> {
        ReadingsBody::begin(site, self.series.read(site), &self.slots).await
    }
}

fn page(ids: Vec<String>) -> Sites {
    let next_after = ids.last().filter(|_| ids.len() == MAX_SITES).cloned();
    Sites { sites: ids.into_iter().map(|site_id| Site { site_id }).collect(), next_after }
}

fn not_found() -> ErrorBody {
    ErrorBody::new(ErrorCode::NotFound, "Not Found")
}

fn failed(error: &StoreError) -> ServiceUnavailable {
    ServiceUnavailable::from_store(StoreOperation::Query, error)
}

fn too_many_large_responses() -> ServiceUnavailable {
    let detail = "Too many large responses are being sent; try again when one is complete";
    let body = ErrorBody::new(ErrorCode::TooManyLargeResponses, detail);
    ServiceUnavailable::new(body, BUSY_RETRY_AFTER_SECONDS)
}
