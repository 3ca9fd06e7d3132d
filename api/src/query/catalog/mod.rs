//! The catalog: sites, their devices, and the latest reading of each.
//!
//! | file | what it owns |
//! |---|---|
//! | `site_page` | a page of the list of sites, and its body |
//! | `site_list` | the ids of a page, of which a key may permit some only |
//! | `site_parameters` | `prefix`, `limit`, `cursor` and `after` of the list |
//! | `site_cursor` | the last site of a page, as text |
//! | `site_summary` | the body of a site's summary |
//! | `device_list` | the body of the list of a site's devices |
//! | `latest_readings` | the body with the latest reading of each device |
//! | `site_request` | the site of a path, for requests without further parameters |
//! | `times` | instants as text, and the names of statuses |

mod device_list;
mod latest_readings;
mod site_cursor;
mod site_list;
mod site_page;
mod site_parameters;
mod site_request;
mod site_summary;
mod times;

use std::collections::BTreeSet;
use std::time::Duration;

use poem::Request;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use readings::store::catalog::SiteCatalog;

use self::device_list::DeviceList;
use self::latest_readings::LatestReadings;
use self::site_page::{SitePage, Sites, plausible_now};
use self::site_parameters::{
    After, CursorText, PARAMETERS, PageLimit, Prefix, SentParameters, SiteRequest,
};
use self::site_request::{Rejected, requested_site};
use self::site_summary::SiteSummary;
use super::site_id_in_path::{SiteIdInPath, site_not_found};
use super::unavailable::failed;
use crate::access::Grant;
use crate::api_tag::ApiTag;
use crate::error_body::{ErrorBody, ValidationErrorBody};
use crate::parameter::Checked;
use crate::store_failure::ServiceUnavailable;
use crate::unknown_parameters::unknown_parameters;

/// How long a request waits for the devices of a site that are read for the first time, or again. Too low and answers are
/// rarely complete at first; too high and requests are slow where a site has many millions of readings.
const DEVICES_TIMEOUT: Duration = Duration::from_secs(2);

/// The operations on the catalog.
#[derive(Debug)]
pub struct CatalogApi {
    catalog: SiteCatalog,
}

impl CatalogApi {
    /// Reads from this catalog.
    #[must_use]
    pub const fn new(catalog: SiteCatalog) -> Self {
        Self { catalog }
    }
}

#[derive(ApiResponse)]
enum SitesResponse {
    /// A page of the list.
    #[oai(status = 200)]
    Sites(
        Json<Sites>,
        /// The next page, with `rel="next"`; its target is relative to the request. Absent on the last page.
        #[oai(header = "Link")]
        Option<String>,
    ),
    /// A parameter breaks a rule.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
}

#[derive(ApiResponse)]
enum SummaryResponse {
    /// The summary.
    #[oai(status = 200)]
    Summary(Json<SiteSummary>),
    /// No site has this id.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// The site id is not UTF-8, or a parameter is unknown.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
}

#[derive(ApiResponse)]
enum DevicesResponse {
    /// The devices.
    #[oai(status = 200)]
    Devices(Json<DeviceList>),
    /// No site has this id.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// The site id is not UTF-8, or a parameter is unknown.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
}

#[derive(ApiResponse)]
enum LatestResponse {
    /// The readings.
    #[oai(status = 200)]
    Readings(Json<LatestReadings>),
    /// No site has this id.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// The site id is not UTF-8, or a parameter breaks a rule.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
}

#[OpenApi(tag = "ApiTag::Query")]
impl CatalogApi {
    /// The sites that have readings
    ///
    /// In pages, in the order of their ids' bytes: the header `Link` has the next one, and so have `next_cursor` and
    /// `next_after`. Sites that are added between two pages neither repeat nor skip others. A site is listed after this
    /// program has stored a reading of it, or `energy-pipeline reindex` has found it. With an API key for some sites only,
    /// these are listed.
    #[oai(path = "/sites", method = "get", operation_id = "get_sites")]
    async fn sites(
        &self,
        /// Only sites whose ids begin with this text.
        prefix: Query<Checked<Prefix>>,
        /// The most sites of a page.
        limit: Query<Checked<PageLimit>>,
        /// `next_cursor` of the page before, with the `prefix` that its request had.
        cursor: Query<Checked<CursorText>>,
        /// The page begins after this site, in place of a cursor: `next_after` of the page before.
        after: Query<Checked<After>>,
        request: &Request,
    ) -> Result<SitesResponse, ServiceUnavailable> {
        let sent =
            SentParameters { prefix: prefix.0, limit: limit.0, cursor: cursor.0, after: after.0 };
        let unknown = unknown_parameters(request, &PARAMETERS);
        let wanted = match SiteRequest::new(sent, unknown) {
            Ok(wanted) => wanted,
            Err(errors) => {
                return Ok(SitesResponse::Invalid(Json(ValidationErrorBody::new(errors))));
            }
        };
        let key = request.extensions().get::<Grant>().map(Grant::key);
        let page = SitePage::read(&self.catalog, &wanted, key).await;
        let page = page.map_err(|error| failed(&error))?;
        let link = page.link(request);
        Ok(SitesResponse::Sites(Json(page.body), link))
    }

    /// Summary of a site
    ///
    /// As the list of sites has it, with the number of devices.
    #[oai(path = "/sites/:site_id", method = "get", operation_id = "get_site")]
    async fn site(
        &self,
        /// The site's id; a `/` in it is written `%2F`.
        site_id: Path<Checked<SiteIdInPath>>,
        request: &Request,
    ) -> Result<SummaryResponse, ServiceUnavailable> {
        let site = match requested_site(site_id.0, request, &[]) {
            Ok(site) => site,
            Err(Rejected::NotFound(body)) => return Ok(SummaryResponse::NotFound(Json(body))),
            Err(Rejected::Invalid(body)) => return Ok(SummaryResponse::Invalid(Json(body))),
        };
        let plausible = plausible_now();
        let overview = self.catalog.overview(&site, plausible).await.map_err(|it| failed(&it))?;
        let Some(overview) = overview else {
            return Ok(SummaryResponse::NotFound(Json(site_not_found())));
        };
        let devices = self.catalog.devices(&site, plausible, DEVICES_TIMEOUT, |_| false).await;
        let devices = devices.map_err(|error| failed(&error))?.unwrap_or_default();
        let summary = SiteSummary::new(&site, &overview, &devices, plausible.now());
        Ok(SummaryResponse::Summary(Json(summary)))
    }

    /// Devices of a site
    ///
    /// Each with the number of its readings, the first and the last one, and its status.
    #[oai(path = "/sites/:site_id/devices", method = "get", operation_id = "get_site_devices")]
    async fn devices(
        &self,
        /// The site's id; a `/` in it is written `%2F`.
        site_id: Path<Checked<SiteIdInPath>>,
        request: &Request,
    ) -> Result<DevicesResponse, ServiceUnavailable> {
        let site = match requested_site(site_id.0, request, &[]) {
            Ok(site) => site,
            Err(Rejected::NotFound(body)) => return Ok(DevicesResponse::NotFound(Json(body))),
            Err(Rejected::Invalid(body)) => return Ok(DevicesResponse::Invalid(Json(body))),
        };
        let plausible = plausible_now();
        let devices = self.catalog.devices(&site, plausible, DEVICES_TIMEOUT, |_| true).await;
        match devices.map_err(|error| failed(&error))? {
            Some(devices) => {
                let list = DeviceList::new(&site, &devices, plausible.now());
                Ok(DevicesResponse::Devices(Json(list)))
            }
            None => Ok(DevicesResponse::NotFound(Json(site_not_found()))),
        }
    }

    /// Latest reading of each device
    ///
    /// Of readings of one instant the one with the highest stream id. Readings whose timestamps are more than five minutes
    /// ahead of now are not the latest, unless the device has no others.
    #[oai(path = "/sites/:site_id/latest", method = "get", operation_id = "get_site_latest")]
    async fn latest(
        &self,
        /// The site's id; a `/` in it is written `%2F`.
        site_id: Path<Checked<SiteIdInPath>>,
        /// Only this device, or these.
        device_id: Query<Option<Vec<String>>>,
        request: &Request,
    ) -> Result<LatestResponse, ServiceUnavailable> {
        let site = match requested_site(site_id.0, request, &["device_id"]) {
            Ok(site) => site,
            Err(Rejected::NotFound(body)) => return Ok(LatestResponse::NotFound(Json(body))),
            Err(Rejected::Invalid(body)) => return Ok(LatestResponse::Invalid(Json(body))),
        };
        let plausible = plausible_now();
        let wanted: BTreeSet<_> = device_id.0.unwrap_or_default().into_iter().collect();
        let is_wanted = |device: &str| wanted.is_empty() || wanted.contains(device);
        let devices = self.catalog.devices(&site, plausible, Duration::ZERO, is_wanted).await;
        match devices.map_err(|error| failed(&error))? {
            Some(devices) => {
                let latest = LatestReadings::new(&site, &devices, plausible.now());
                Ok(LatestResponse::Readings(Json(latest)))
            }
            None => Ok(LatestResponse::NotFound(Json(site_not_found()))),
        }
    }
}
