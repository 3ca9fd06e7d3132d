//! Live events of a site: accepted readings, as Server-Sent Events (HTML standard, 9.2).
//!
//! | file | what it owns |
//! |---|---|
//! | `event_streams` | the streams of a process: how many, and the reader that they share |
//! | `event_stream` | one stream: what was missed, what is new, comments, its end |
//! | `catch_up` | what was missed, read from the stream |
//! | `hub`, `shared_reader` | the one reader of a process, which runs while there are streams |
//! | `feed`, `subscribers` | who receives what the reader reads |
//! | `positions`, `site_partitions` | ids of events, and the partitions of a site's readings |
//! | `reading_event`, `texts` | events and comments as they are sent |
//! | `admission` | whether the key of an open stream still permits it |
//! | `parameters`, `payload`, `metrics` | parameters, response and metrics |
//!
//! `docs/decisions/0047-events-are-accepted-readings.md` has the reasons.

mod admission;
mod catch_up;
mod event_stream;
mod event_streams;
mod feed;
mod hub;
mod metrics;
mod parameters;
mod payload;
mod positions;
mod reading_event;
mod shared_reader;
mod site_partitions;
mod subscribers;
mod texts;

use poem::{Body, Request};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use readings::SiteId;

pub use self::event_streams::EventStreams;
pub use self::metrics::CATALOGUE;

use self::admission::Admission;
use self::event_stream::Subscription;
use self::parameters::{LastEventIdHeader, LastEventIdParameter};
use self::payload::EventsPayload;
use self::positions::Positions;
use self::subscribers::Filter;
use super::site_id_in_path::{SiteIdInPath, not_found};
use super::unavailable::failed;
use crate::access::AccessPolicy;
use crate::api_tag::ApiTag;
use crate::client_slots::Client;
use crate::error_body::{ErrorBody, ValidationErrorBody, ValidationErrorItem};
use crate::error_code::ErrorCode;
use crate::head_only::HeadOnly;
use crate::parameter::Checked;
use crate::store_failure::ServiceUnavailable;
use crate::unknown_parameters::unknown_parameters;

/// Seconds after which a client should try again when no stream is free.
const BUSY_RETRY_AFTER_SECONDS: u64 = 15;

/// Seconds after which a client should try again while the service is shutting down: another one may receive the request.
const SHUTDOWN_RETRY_AFTER_SECONDS: u64 = 1;

/// The operation that streams accepted readings.
#[derive(Debug)]
pub struct EventsApi {
    /// The streams of the process.
    pub streams: EventStreams,
    /// The keys, which can be revoked while a stream is open.
    pub access: AccessPolicy,
}

#[derive(ApiResponse)]
enum EventsResponse {
    /// The event stream. Its items here are the data of events of the type `reading`.
    #[oai(status = 200)]
    Events(EventsPayload),
    /// The site id is empty.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// The site id is not UTF-8, or a parameter breaks a rule or is not known.
    #[oai(status = 422)]
    Invalid(Json<ValidationErrorBody>),
}

#[OpenApi(tag = "ApiTag::Query")]
impl EventsApi {
    /// Readings of a site as they are accepted
    ///
    /// Server-Sent Events that do not end. `event: reading` is an accepted reading: its `id` is the stream id (where the
    /// stream has several partitions a text with the position in each that counts), its data the reading as queries return it. Readings come in the order of their acceptance, whatever their timestamps; a
    /// query may return one shortly after its event. With the id of the last event (`Last-Event-ID`, or `last_event_id`
    /// where a client cannot set headers) the stream continues after it, without loss or repetition. `event: reset` says
    /// that readings before it may be missing: request the readings of the site. Every 15 seconds there is a
    /// comment, with an `id` from which to continue when all readings up to it were sent. The service ends a stream when
    /// it stops, when its client reads too slowly, and when its key is revoked: connect again with the last id.
    #[oai(path = "/sites/:site_id/events", method = "get", operation_id = "get_site_events")]
    async fn site_events(
        &self,
        /// The site's id; a `/` in it is written `%2F`. A site without readings is no error: its first one is an event.
        site_id: Path<Checked<SiteIdInPath>>,
        /// Only readings of this device, or of these.
        device_id: Query<Option<Vec<String>>>,
        /// The id of the last event that the client has; the header decides if both are sent.
        last_event_id: Query<Checked<LastEventIdParameter>>,
        /// The id of the last event that the client has.
        #[oai(name = "Last-Event-ID")]
        last_event_id_header: Header<Checked<LastEventIdHeader>>,
        request: &Request,
    ) -> Result<EventsResponse, ServiceUnavailable> {
        let site = match site_id.0.0 {
            Ok(Some(site)) => site,
            Ok(None) => return Ok(EventsResponse::NotFound(Json(not_found()))),
            Err(error) => return Ok(EventsResponse::Invalid(Json(error.into()))),
        };
        match position(request, last_event_id_header.0, last_event_id.0) {
            Ok(after) => {
                let devices = device_id.0.unwrap_or_default().into();
                self.open(request, Filter { site, devices }, after).await
            }
            Err(errors) => Ok(EventsResponse::Invalid(Json(ValidationErrorBody::new(errors)))),
        }
    }
}

impl EventsApi {
    async fn open(
        &self,
        request: &Request,
        filter: Filter,
        after: Option<Positions>,
    ) -> Result<EventsResponse, ServiceUnavailable> {
        if self.streams.draining().has_begun() {
            return Err(shutting_down());
        }
        let slot = self.streams.slot(&Client::of(request)).ok_or_else(too_many_streams)?;
        if request.extensions().get::<HeadOnly>().is_some() {
            return Ok(EventsResponse::Events(EventsPayload(Body::empty())));
        }
        let admission = self.admission(request, &filter.site);
        let draining = self.streams.draining().clone();
        let subscription = Subscription { filter, after, admission, draining };
        let events = self.streams.open(subscription, slot).await.map_err(|error| failed(&error))?;
        Ok(EventsResponse::Events(EventsPayload(Body::from_bytes_stream(events))))
    }

    fn admission(&self, request: &Request, site: &SiteId) -> Admission {
        Admission::of(request, &self.access, site)
    }
}

/// The last event that the client has, or the errors of all parameters.
fn position(
    request: &Request,
    header: Checked<LastEventIdHeader>,
    parameter: Checked<LastEventIdParameter>,
) -> Result<Option<Positions>, Vec<ValidationErrorItem>> {
    let mut errors = unknown_parameters(request, &["device_id", "last_event_id"]);
    let header = header.0.map_err(|error| errors.push(error));
    let parameter = parameter.0.map_err(|error| errors.push(error));
    match (header, parameter) {
        (Ok(header), Ok(parameter)) if errors.is_empty() => Ok(header.or(parameter)),
        _ => Err(errors),
    }
}

fn shutting_down() -> ServiceUnavailable {
    let detail = "The service is shutting down; connect again";
    let body = ErrorBody::new(ErrorCode::ShuttingDown, detail);
    ServiceUnavailable::new(body, SHUTDOWN_RETRY_AFTER_SECONDS)
}

fn too_many_streams() -> ServiceUnavailable {
    let detail = "Too many event streams are open; try again later";
    let body = ErrorBody::new(ErrorCode::TooManyEventStreams, detail);
    ServiceUnavailable::new(body, BUSY_RETRY_AFTER_SECONDS)
}
