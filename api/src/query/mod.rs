//! Queries: the readings of a site, its live events, the list of sites.

mod aggregates;
pub mod events;
mod parameter_hint;
mod readings_body;
mod readings_format;
mod readings_page;
mod readings_payload;
mod readings_source;
mod response_slots;
mod selection;
mod site_id_in_path;
mod site_list;
mod site_readings;
mod unavailable;

use std::sync::Arc;

use poem::Request;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use readings::store::series::SeriesStore;
use readings::store::site_index::SiteIndex;

pub use self::aggregates::AggregatesApi;
use self::readings_format::FormatName;
pub use self::readings_payload::ReadingsPayload;
use self::response_slots::ResponseSlots;
use self::selection::{CursorText, End, OrderName, PageLimit, SentParameters, Start};
use self::site_id_in_path::{SiteIdInPath, not_found};
use self::site_readings::{ReadingsRequest, SiteReadingsError};
use self::unavailable::{failed, too_many_large_responses};

use crate::access::Grant;
use crate::api_tag::ApiTag;
use crate::error_body::{ErrorBody, ValidationErrorBody};
use crate::parameter::Checked;
use crate::store_failure::ServiceUnavailable;

/// The longest page of the list. Too low and a long list takes many requests; too high and one response takes much
/// memory.
const MAX_SITES: usize = 1_000;

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
    /// The readings; an empty list for an unknown site.
    #[oai(status = 200)]
    Readings(ReadingsPayload),
    /// The site id is empty.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// The site id is not UTF-8, or a parameter breaks a rule.
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
    /// Readings of a site
    ///
    /// Without parameters all of them, oldest first by instant, readings of the same instant by stream id. They are
    /// streamed, however many there are; a response whose connection is aborted is not complete. With `limit` or
    /// `cursor` a page of them: the header `Link` has the next one, and so has `next_cursor` in JSON. Readings that are
    /// stored or deleted between two pages neither repeat nor skip others. `Accept` chooses the format as `format` does.
    ///
    /// `start` and `end` are timestamps (`2024-01-15T10:30:00Z`; a `+` is sent as `%2B`), epoch seconds (`1705314600`),
    /// epoch milliseconds (`1705314600000`) or times before now (`now-24h`; s, m, h, d, w).
    #[oai(path = "/sites/:site_id/readings", method = "get", operation_id = "get_site_readings")]
    #[allow(clippy::too_many_arguments, reason = "one for each parameter")]
    async fn site_readings(
        &self,
        /// The site's id; a `/` in it is written `%2F`.
        site_id: Path<Checked<SiteIdInPath>>,
        /// Only readings of this device, or of these.
        device_id: Query<Option<Vec<String>>>,
        /// Only readings of this moment or later.
        start: Query<Checked<Start>>,
        /// Only readings before this moment.
        end: Query<Checked<End>>,
        /// The most readings of a page; with a cursor 1,000 unless it is sent, without one all.
        limit: Query<Checked<PageLimit>>,
        /// `asc`: oldest first. `desc`: newest first.
        order: Query<Checked<OrderName>>,
        /// `next_cursor` of the page before, with the other parameters that its request had.
        cursor: Query<Checked<CursorText>>,
        /// The format of the response; JSON unless it or `Accept` names another.
        format: Query<Checked<FormatName>>,
        request: &Request,
    ) -> Result<ReadingsResponse, ServiceUnavailable> {
        let site = match site_id.0.0 {
            Ok(Some(site)) => site,
            Ok(None) => return Ok(ReadingsResponse::NotFound(Json(not_found()))),
            Err(error) => return Ok(ReadingsResponse::Invalid(Json(error.into()))),
        };
        let sent = SentParameters {
            devices: device_id.0.unwrap_or_default(),
            start: start.0,
            end: end.0,
            limit: limit.0,
            order: order.0,
            cursor: cursor.0,
        };
        let wanted = ReadingsRequest::new(site, sent, format.0, request);
        let wanted = match wanted {
            Ok(wanted) => wanted,
            Err(errors) => {
                return Ok(ReadingsResponse::Invalid(Json(ValidationErrorBody::new(errors))));
            }
        };
        match wanted.respond(&self.series, &self.slots, request).await {
            Ok(readings) => Ok(ReadingsResponse::Readings(readings)),
            Err(SiteReadingsError::Store(error)) => Err(failed(&error)),
            Err(SiteReadingsError::NoSlot) => Err(too_many_large_responses()),
        }
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

fn page(ids: Vec<String>) -> Sites {
    let next_after = ids.last().filter(|_| ids.len() == MAX_SITES).cloned();
    Sites { sites: ids.into_iter().map(|site_id| Site { site_id }).collect(), next_after }
}
