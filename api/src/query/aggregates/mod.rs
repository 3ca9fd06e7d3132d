//! Aggregates of a site: power and energy by bucket, and energy of a range.
//!
//! | file | what it owns |
//! |---|---|
//! | `parameters` | interval, points, time zone, max gap, fill, combine, integration |
//! | `question` | all parameters of a request: their errors, and what they ask for |
//! | `default_range` | from when until when, where the request does not say |
//! | `computation` | slots for questions that are computed at the same time |
//! | `series` | buckets of devices, or of their sum |
//! | `aggregates_body`, `aggregates_payload` | the body with buckets, and how it is sent |
//! | `energy_body` | the body with energy of a range |

mod aggregates_body;
mod aggregates_payload;
mod computation;
mod default_range;
mod energy_body;
mod parameters;
mod question;
mod series;

use std::sync::Arc;

use poem::Request;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use readings::store::rollups::RollupStore;

pub use self::aggregates_payload::AggregatesPayload;
use self::computation::{Computation, ComputeError};
use self::energy_body::SiteEnergy;
use self::parameters::{
    CombineName, FillName, IntegrationName, IntervalName, MaxGapText, Points, ZoneName,
};
use self::question::{SentBuckets, SentRange};
use super::selection::{End, Start};
use super::site_id_in_path::{SiteIdInPath, not_found};
use crate::api_tag::ApiTag;
use crate::error_body::{ErrorBody, ValidationErrorBody, ValidationErrorItem};
use crate::parameter::Checked;
use crate::store_failure::ServiceUnavailable;

/// The operations that aggregate stored readings.
#[derive(Debug)]
pub struct AggregatesApi {
    computation: Arc<Computation>,
}

impl AggregatesApi {
    /// Aggregates from these rollups, and the readings below them.
    #[must_use]
    pub fn new(rollups: RollupStore) -> Self {
        Self { computation: Arc::new(Computation::new(rollups)) }
    }
}

#[derive(ApiResponse)]
enum AggregatesResponse {
    /// The buckets of each device; an empty list for an unknown site.
    #[oai(status = 200)]
    Aggregates(AggregatesPayload),
    /// The site id is empty.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// A parameter breaks a rule or is not known, or the buckets are too many.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
}

#[derive(ApiResponse)]
enum EnergyResponse {
    /// The energy of each device; an empty list for an unknown site.
    #[oai(status = 200)]
    Energy(Json<SiteEnergy>),
    /// The site id is empty.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// A parameter breaks a rule or is not known.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
}

#[OpenApi(tag = "ApiTag::Query")]
impl AggregatesApi {
    /// Power and energy of a site, by bucket
    ///
    /// For each device the buckets that have readings, or a value that holds into them: lowest, highest and mean power
    /// in watts, energy in kWh. A value holds until the next reading of its device, `max_gap` at most. `coverage` is the
    /// part of the bucket's time in which a value holds; energy is that of this time, and null where it is 0. The mean is
    /// weighted by time. Readings of one device and instant are counted once, as `count`, the others as `repeats`;
    /// that with the highest stream id counts. A sum that overflows is null.
    ///
    /// Buckets are cut by the clock of `tz`: a day has 23 or 25 hours where clocks change, a week begins on Monday. The
    /// first and the last one are shorter where the range begins or ends inside of an interval. At most 20,000 buckets a
    /// device, and 200,000 in a response.
    ///
    /// Without `end` the range ends now. Without `start` it begins a day before its end; with `interval=1d` 30 days,
    /// with `1w` 26 weeks, with `1mo` a year, with `1y` ten years before, where an interval begins.
    #[oai(
        path = "/sites/:site_id/aggregates",
        method = "get",
        operation_id = "get_site_aggregates"
    )]
    #[allow(clippy::too_many_arguments, reason = "one for each parameter")]
    async fn site_aggregates(
        &self,
        /// The site's id; a `/` in it is written `%2F`.
        site_id: Path<Checked<SiteIdInPath>>,
        /// The range begins at this moment, as for the readings of a site.
        start: Query<Checked<Start>>,
        /// The range ends before this moment.
        end: Query<Checked<End>>,
        /// The length of a bucket; `auto` is the shortest one that gives at most `points` buckets.
        interval: Query<Checked<IntervalName>>,
        /// The most buckets of a device, for `interval=auto` alone; 500 unless it is sent.
        points: Query<Checked<Points>>,
        /// The IANA time zone by whose clock buckets are cut, and in which their times are written.
        tz: Query<Checked<ZoneName>>,
        /// Only this device, or these.
        device_id: Query<Option<Vec<String>>>,
        /// `null`: buckets that have nothing are in the response, with null. `none`: they are left out.
        fill: Query<Checked<FillName>>,
        /// The longest time over which a value holds: seconds, or a number with s, m, h or d; 1 second to 31 days.
        max_gap: Query<Checked<MaxGapText>>,
        /// `sum`: one series, the sum of all devices. `none`: one for each device.
        combine: Query<Checked<CombineName>>,
        /// `step`: a value holds until the next one. `trapezoid`: a straight line between two values.
        integration: Query<Checked<IntegrationName>>,
        request: &Request,
    ) -> Result<AggregatesResponse, ServiceUnavailable> {
        let site = match site_id.0.0 {
            Ok(Some(site)) => site,
            Ok(None) => return Ok(AggregatesResponse::NotFound(Json(not_found()))),
            Err(error) => return Ok(AggregatesResponse::Invalid(Json(error.into()))),
        };
        let range = SentRange {
            start: start.0,
            end: end.0,
            tz: tz.0,
            max_gap: max_gap.0,
            devices: device_id.0.unwrap_or_default(),
        };
        let sent = SentBuckets {
            range,
            interval: interval.0,
            points: points.0,
            fill: fill.0,
            combine: combine.0,
            integration: integration.0,
        };
        let wanted = match sent.question(request) {
            Ok(wanted) => wanted,
            Err(errors) => return Ok(AggregatesResponse::Invalid(Json(invalid(errors)))),
        };
        match self.computation.aggregates(site, wanted, request).await {
            Ok(payload) => Ok(AggregatesResponse::Aggregates(payload)),
            Err(ComputeError::Invalid(error)) => {
                Ok(AggregatesResponse::Invalid(Json((*error).into())))
            }
            Err(ComputeError::Unavailable(error)) => Err(error),
        }
    }

    /// Energy of a site
    ///
    /// Of each device the energy of a range in kWh, import and export apart, by the rules of the aggregates of a site:
    /// a value holds until the next reading of its device, `max_gap` at most. `coverage` is the part of the range in
    /// which a value holds; energy is that of this time, and null where it is 0.
    ///
    /// Without `end` the range ends now. Without `start` it begins with the day of its end, by the clock of `tz`:
    /// without both it is today.
    #[oai(path = "/sites/:site_id/energy", method = "get", operation_id = "get_site_energy")]
    #[allow(clippy::too_many_arguments, reason = "one for each parameter")]
    async fn site_energy(
        &self,
        /// The site's id; a `/` in it is written `%2F`.
        site_id: Path<Checked<SiteIdInPath>>,
        /// The range begins at this moment, as for the readings of a site.
        start: Query<Checked<Start>>,
        /// The range ends before this moment.
        end: Query<Checked<End>>,
        /// The IANA time zone whose day it is without `start`, and in which times are written.
        tz: Query<Checked<ZoneName>>,
        /// The longest time over which a value holds: seconds, or a number with s, m, h or d; 1 second to 31 days.
        max_gap: Query<Checked<MaxGapText>>,
        /// Only this device, or these.
        device_id: Query<Option<Vec<String>>>,
        request: &Request,
    ) -> Result<EnergyResponse, ServiceUnavailable> {
        let site = match site_id.0.0 {
            Ok(Some(site)) => site,
            Ok(None) => return Ok(EnergyResponse::NotFound(Json(not_found()))),
            Err(error) => return Ok(EnergyResponse::Invalid(Json(error.into()))),
        };
        let sent = SentRange {
            start: start.0,
            end: end.0,
            tz: tz.0,
            max_gap: max_gap.0,
            devices: device_id.0.unwrap_or_default(),
        };
        let wanted = match sent.question(request) {
            Ok(wanted) => wanted,
            Err(errors) => return Ok(EnergyResponse::Invalid(Json(invalid(errors)))),
        };
        match self.computation.energy(&site, wanted, request).await {
            Ok(energy) => Ok(EnergyResponse::Energy(Json(energy))),
            Err(ComputeError::Invalid(error)) => Ok(EnergyResponse::Invalid(Json((*error).into()))),
            Err(ComputeError::Unavailable(error)) => Err(error),
        }
    }
}

fn invalid(errors: Vec<ValidationErrorItem>) -> ValidationErrorBody {
    ValidationErrorBody::new(errors)
}
