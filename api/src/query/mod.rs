//! Queries: the readings of a site, its live events, the catalog of sites; deletions.

mod aggregates;
mod catalog;
mod deletion;
pub mod events;
mod next_link;
mod parameter_hint;
mod readings_body;
mod readings_format;
mod readings_page;
mod readings_payload;
mod readings_source;
mod response_slots;
mod selection;
mod site_id_in_path;
mod site_readings;
mod unavailable;

use std::sync::Arc;

use poem::Request;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use readings::store::series::SeriesStore;

pub use self::aggregates::AggregatesApi;
pub use self::catalog::CatalogApi;
pub use self::deletion::DeletionApi;
use self::next_link::next_link;
use self::readings_format::FormatName;
pub use self::readings_payload::ReadingsPayload;
use self::response_slots::ResponseSlots;
use self::selection::{CursorText, End, OrderName, PageLimit, SentParameters, Start};
use self::site_id_in_path::{SiteIdInPath, not_found};
use self::site_readings::{ReadingsRequest, SiteReadingsError};
use self::unavailable::{failed, too_many_large_responses};

use crate::api_tag::ApiTag;
use crate::error_body::{ErrorBody, ValidationErrorBody};
use crate::parameter::Checked;
use crate::store_failure::ServiceUnavailable;

/// The operations that return stored readings.
#[derive(Debug)]
pub struct QueryApi {
    series: SeriesStore,
    slots: Arc<ResponseSlots>,
}

impl QueryApi {
    /// Reads from this part of the store.
    #[must_use]
    pub fn new(series: SeriesStore) -> Self {
        Self { series, slots: Arc::default() }
    }
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
}
