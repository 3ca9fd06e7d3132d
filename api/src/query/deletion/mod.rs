//! Deletes readings on demand.
//!
//! | file | what it owns |
//! |---|---|
//! | `parameters` | a stream id in a path, and the bounds of a range, both of which are required |
//! | `answer` | the responses |
//! | `log` | who has deleted what |

mod answer;
mod log;
mod parameters;

use std::collections::BTreeSet;
use std::time::{Duration, Instant as Clock};

use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use readings::store::StoreError;
use readings::store::deletion::ReadingDeleter;
use readings::{Instant, SiteId};
use tokio::sync::Semaphore;

use self::answer::{DeleteRangeResponse, DeleteReadingResponse, Deleted, DeletionUnavailable};
use self::log::log_deleted;
use self::parameters::{RangeEnd, RangeStart, ReadingId, both_bounds};
use super::site_id_in_path::{SiteIdInPath, not_found, site_not_found};
use crate::api_tag::ApiTag;
use crate::error_body::{ErrorBody, ValidationErrorBody, ValidationErrorItem};
use crate::error_code::ErrorCode;
use crate::metrics::METRICS;
use crate::parameter::Checked;
use crate::store_failure::{ServiceUnavailable, StoreOperation};
use crate::unknown_parameters::unknown_parameters;

/// Deletions that are in progress at most; further ones wait. Too low and one waits for a long one; too high and they
/// take the time of Redis from all other requests.
const MAX_CONCURRENT: usize = 2;

/// The longest deletion of a range. Less than the time limit of requests, so that the response says how many readings
/// were deleted. Too low and a large range takes many requests.
const MAX_DURATION: Duration = Duration::from_secs(25);

/// The operations that delete stored readings.
#[derive(Debug)]
pub struct DeletionApi {
    deleter: ReadingDeleter,
    slots: Semaphore,
}

impl DeletionApi {
    /// Deletes by this part of the store.
    #[must_use]
    pub const fn new(deleter: ReadingDeleter) -> Self {
        Self { deleter, slots: Semaphore::const_new(MAX_CONCURRENT) }
    }
}

#[OpenApi(tag = "ApiTag::Query")]
impl DeletionApi {
    /// Delete the readings of a range
    ///
    /// Deletes for good the stored readings of a site from `start` on and before `end`, as `GET` with these parameters
    /// lists them; readings that are stored meanwhile may be left. After a 503 some of them are deleted, `deleted` at
    /// least: a repeated request deletes the others. Needs the scope `operate` where API keys are required.
    #[oai(
        path = "/sites/:site_id/readings",
        method = "delete",
        operation_id = "delete_site_readings"
    )]
    async fn delete_range(
        &self,
        /// The site's id; a `/` in it is written `%2F`.
        site_id: Path<Checked<SiteIdInPath>>,
        /// Only readings of this device, or of these.
        device_id: Query<Option<Vec<String>>>,
        /// Readings of this moment or later.
        start: Query<Checked<RangeStart>>,
        /// Readings before this moment.
        end: Query<Checked<RangeEnd>>,
        request: &Request,
    ) -> Result<DeleteRangeResponse, DeletionUnavailable> {
        let unknown = unknown_parameters(request, &["device_id", "start", "end"]);
        let site = match site_of(site_id.0, unknown) {
            Ok(Some(site)) => site,
            Ok(None) => return Ok(DeleteRangeResponse::NotFound(Json(not_found()))),
            Err(errors) => return Ok(DeleteRangeResponse::Invalid(Json(errors))),
        };
        let bounds = match both_bounds(start.0, end.0) {
            Ok(bounds) => bounds,
            Err(errors) => return Ok(DeleteRangeResponse::Invalid(Json(errors))),
        };
        let devices = device_id.0.unwrap_or_default().into_iter().collect();
        let range = Range { site, bounds, devices };
        let mut deleted = 0;
        let outcome = self.delete(&range, &mut deleted).await;
        report(deleted);
        log_deleted(request, &range.site, deleted);
        match outcome {
            Ok(Outcome::Complete) => Ok(DeleteRangeResponse::Deleted(Json(Deleted { deleted }))),
            Ok(Outcome::UnknownSite) => Ok(DeleteRangeResponse::NotFound(Json(site_not_found()))),
            Ok(Outcome::Incomplete) => Err(DeletionUnavailable::incomplete(deleted)),
            Err(error) => Err(DeletionUnavailable::new(failed(&error), deleted)),
        }
    }

    /// Delete a reading
    ///
    /// Deletes a stored reading for good. Needs the scope `operate` where API keys are required.
    #[oai(
        path = "/sites/:site_id/readings/:stream_id",
        method = "delete",
        operation_id = "delete_site_reading"
    )]
    async fn delete_one(
        &self,
        /// The site's id; a `/` in it is written `%2F`.
        site_id: Path<Checked<SiteIdInPath>>,
        /// The `stream_id` of the reading.
        stream_id: Path<Checked<ReadingId>>,
        request: &Request,
    ) -> Result<DeleteReadingResponse, ServiceUnavailable> {
        let mut errors = unknown_parameters(request, &[]);
        let id = stream_id.0.0.map_err(|error| errors.push(error)).ok().flatten();
        let site = match site_of(site_id.0, errors) {
            Ok(site) => site,
            Err(errors) => return Ok(DeleteReadingResponse::Invalid(Json(errors))),
        };
        let Some((site, id)) = site.zip(id) else { return Ok(no_reading()) };
        let _slot = self.slots.acquire().await;
        if !self.deleter.one(&site, id).await.map_err(|error| failed(&error))? {
            return Ok(no_reading());
        }
        report(1);
        log_deleted(request, &site, 1);
        Ok(DeleteReadingResponse::Deleted)
    }
}

/// The readings that a request deletes.
struct Range {
    site: SiteId,
    bounds: (Instant, Instant),
    devices: BTreeSet<String>,
}

enum Outcome {
    Complete,
    Incomplete,
    UnknownSite,
}

impl DeletionApi {
    /// Deletes a range, and counts what is deleted, also when it fails in the middle.
    async fn delete(&self, range: &Range, deleted: &mut u64) -> Result<Outcome, StoreError> {
        // Err: never, the semaphore is not closed.
        let _slot = self.slots.acquire().await;
        let Range { site, bounds: (start, end), devices } = range;
        if !self.deleter.knows(site).await? {
            return Ok(Outcome::UnknownSite);
        }
        let begun = Clock::now();
        let mut deletion = self.deleter.range(site, *start, *end, devices.clone()).await?;
        while let Some(readings) = deletion.next().await? {
            *deleted += readings;
            if begun.elapsed() >= MAX_DURATION {
                return Ok(Outcome::Incomplete);
            }
        }
        Ok(Outcome::Complete)
    }
}

/// The site of a path, which is `None` when it is empty, unless the request has errors.
fn site_of(
    site: Checked<SiteIdInPath>,
    mut errors: Vec<ValidationErrorItem>,
) -> Result<Option<SiteId>, ValidationErrorBody> {
    match site.0 {
        Ok(site) if errors.is_empty() => Ok(site),
        Ok(_) => Err(ValidationErrorBody::new(errors)),
        Err(error) => {
            errors.insert(0, error);
            Err(ValidationErrorBody::new(errors))
        }
    }
}

fn report(deleted: u64) {
    METRICS.deleted(deleted);
}

fn no_reading() -> DeleteReadingResponse {
    let detail = "No stored reading of the site has this stream id";
    DeleteReadingResponse::NotFound(Json(ErrorBody::new(ErrorCode::ReadingNotFound, detail)))
}

fn failed(error: &StoreError) -> ServiceUnavailable {
    ServiceUnavailable::from_store(StoreOperation::DeleteReadings, error)
}
