//! `POST /readings`: takes a reading into the stream.

mod body;

use chrono::Utc;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use readings::store::codec::ingestion_time;
use readings::store::stream::ReadingStream;
use readings::validation::parse_reading;
use tracing::warn;

pub use self::body::ReadingBody;
use crate::metrics::METRICS;
use crate::problem::{Problem, ValidationProblem, unavailable};
use crate::spec::Topic;

/// The operations of the Ingestion API.
#[derive(Debug)]
pub struct IngestionApi {
    stream: ReadingStream,
}

impl IngestionApi {
    /// Takes readings into this stream.
    #[must_use]
    pub const fn new(stream: ReadingStream) -> Self {
        Self { stream }
    }
}

/// What became of a reading that was accepted.
#[derive(Debug, Clone, Object)]
pub struct Accepted {
    status: AcceptedStatus,
    /// The id of its stream entry, `<milliseconds>-<sequence>`; the stored reading bears it too.
    stream_id: String,
}

#[derive(Debug, Clone, Enum)]
#[oai(rename_all = "lowercase")]
enum AcceptedStatus {
    Accepted,
}

#[derive(ApiResponse)]
enum Answer {
    /// The reading is in the stream; it is stored within moments.
    #[oai(status = 201)]
    Accepted(Json<Accepted>),
    /// The body was not complete in time.
    #[oai(status = 408)]
    TooSlow(Json<Problem>),
    /// The body is larger than a reading can be.
    #[oai(status = 413)]
    TooLarge(Json<Problem>),
    /// The body is no reading; every fault is named.
    #[oai(status = 422)]
    Invalid(Json<ValidationProblem>),
    /// The store cannot take the reading now: nothing was accepted, try again.
    #[oai(status = 503)]
    Unavailable(
        Json<Problem>,
        /// Seconds after which to try again.
        #[oai(header = "Retry-After")]
        u64,
    ),
}

#[OpenApi(tag = "Topic::Ingestion")]
impl IngestionApi {
    /// Send one reading
    ///
    /// With the answer 201 the reading is in the stream and will be stored, whatever fails
    /// afterwards. Sending a reading twice stores it twice.
    #[oai(path = "/readings", method = "post", operation_id = "post_reading")]
    async fn post_reading(&self, body: ReadingBody) -> Answer {
        let body = match body {
            ReadingBody::Complete(body) => body,
            ReadingBody::TooLarge => return Answer::TooLarge(Json(body::too_large())),
            ReadingBody::TooSlow => return Answer::TooSlow(Json(body::too_slow())),
            ReadingBody::NotJson(fault) => return rejected(vec![fault]),
        };
        match parse_reading(&body) {
            Ok(reading) => self.accept(&reading).await,
            Err(faults) => rejected(faults),
        }
    }
}

impl IngestionApi {
    async fn accept(&self, reading: &readings::Reading) -> Answer {
        match self.stream.append(reading, &ingestion_time(Utc::now())).await {
            Ok(id) => {
                METRICS.accepted();
                let stream_id = id.to_string();
                Answer::Accepted(Json(Accepted { status: AcceptedStatus::Accepted, stream_id }))
            }
            Err(error) => {
                METRICS.refused(error.class);
                warn!(%error, "a reading was not taken");
                let (problem, retry_after) = unavailable(&error);
                Answer::Unavailable(Json(problem), retry_after)
            }
        }
    }
}

fn rejected(faults: Vec<readings::validation::Fault>) -> Answer {
    METRICS.rejected(&faults);
    Answer::Invalid(Json(faults.into()))
}
