//! Line protocol: `POST /api/v2/write` and `/write`, as clients of `InfluxDB` 2 and 1 send it, and what they ask first.
//!
//! | file | what it owns |
//! |---|---|
//! | `line`, `pairs`, `text`, `line_error` | the parser |
//! | `precision` | the unit of timestamps |
//! | [`mapping`], [`field_rule`], `unit` | which lines are readings, of which site and device |
//! | `rows` | the lines of a body as the rows of a receiver |
//! | `body`, `answer` | bodies and responses |
//! | `statement` | `CREATE DATABASE` and `SHOW DATABASES` |
//!
//! `docs/decisions` has the reasons of the responses.

mod answer;
mod body;
mod field_rule;
mod line;
mod line_error;
mod mapping;
mod pairs;
mod precision;
mod rows;
mod statement;
mod text;
pub(super) mod unit;

use std::sync::Arc;

use poem::Request;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use readings::Instant;

use self::answer::WriteResponse;
use self::body::{LinesBody, StatementBody};
pub use self::field_rule::{FieldRule, FieldRuleError};
pub use self::mapping::LineMapping;
use self::precision::{NAMES, Precision};
use self::rows::{MAX_LINES, WriteTarget};
use self::statement::StatementResponse;
use super::IngestionApi;
use crate::api_tag::ApiTag;
use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;

/// The version of the protocol, for clients that compare versions.
const INFLUXDB_VERSION: &str = "1.8.10";

/// What the service is.
const BUILD: &str = concat!("energy-pipeline ", env!("CARGO_PKG_VERSION"));

/// The operations of line protocol.
#[derive(Debug)]
pub struct LineProtocolApi {
    ingestion: IngestionApi,
    mapping: Arc<LineMapping>,
}

/// A parameter that is optional.
type Text = Query<Option<String>>;

#[derive(ApiResponse)]
enum PingResponse {
    /// The service is reached.
    #[oai(status = 204)]
    Pong(
        /// The version of `InfluxDB` whose protocol it is.
        #[oai(header = "X-Influxdb-Version")]
        String,
        /// The service.
        #[oai(header = "X-Influxdb-Build")]
        String,
    ),
}

#[OpenApi(tag = "ApiTag::Ingestion")]
impl LineProtocolApi {
    /// Send readings as line protocol
    ///
    /// As clients of InfluxDB 2 do, such as Telegraf. Site and device are tags, or the bucket and the measurement; fields
    /// that are power are those of `LINE_PROTOCOL_FIELDS`. After a 204 every such line is in the stream. A line with a
    /// timestamp that is sent again adds nothing, so a request can be repeated whatever its outcome was.
    #[oai(path = "/api/v2/write", method = "post", operation_id = "write_lines")]
    async fn write_v2(
        &self,
        lines: LinesBody,
        request: &Request,
        /// The site of lines without a tag that names one.
        bucket: Text,
        /// Accepted, and without effect.
        #[oai(name = "org")]
        _org: Text,
        /// The unit of timestamps: `ns` unless it is set, or `us`, `ms`, `s`.
        precision: Text,
    ) -> WriteResponse {
        let sent = Sent { bucket: bucket.0, precision: precision.0, may_be_empty: false };
        Box::pin(self.write(lines, request, &sent, "bucket")).await
    }

    /// Send readings as line protocol, version 1
    ///
    /// As clients of InfluxDB 1 do: see `POST /api/v2/write`.
    #[oai(path = "/write", method = "post", operation_id = "write_lines_v1")]
    async fn write_v1(
        &self,
        lines: LinesBody,
        request: &Request,
        /// The site of lines without a tag that names one.
        db: Text,
        /// Accepted, and without effect.
        #[oai(name = "rp")]
        _rp: Text,
        /// The unit of timestamps: `n` unless it is set, or `u`, `ms`, `s`, `m`, `h`.
        precision: Text,
        /// Accepted, and without effect.
        #[oai(name = "consistency")]
        _consistency: Text,
    ) -> WriteResponse {
        let sent = Sent { bucket: db.0, precision: precision.0, may_be_empty: true };
        Box::pin(self.write(lines, request, &sent, "db")).await
    }

    /// Whether the service is reached, for clients of InfluxDB
    ///
    /// Clients read the version of InfluxDB from a header, and whether its protocol is spoken. No key is needed.
    #[oai(path = "/ping", method = "get", operation_id = "ping")]
    #[allow(clippy::unused_async, reason = "the framework calls async operations only")]
    async fn ping(&self) -> PingResponse {
        PingResponse::Pong(INFLUXDB_VERSION.to_owned(), BUILD.to_owned())
    }

    /// Statements of InfluxDB 1
    ///
    /// Those that clients send before they write: `CREATE DATABASE`, which changes nothing, and `SHOW DATABASES`.
    #[oai(path = "/query", method = "post", operation_id = "execute_statement")]
    #[allow(clippy::unused_async, reason = "the framework calls async operations only")]
    async fn execute(&self, body: StatementBody, q: Text, db: Text) -> StatementResponse {
        let form = body.0.map(|body| body.bytes).unwrap_or_default();
        answer(q.0.or_else(|| form_value(&form, "q")), db.0.as_deref())
    }

    /// Statements of InfluxDB 1 that read
    ///
    /// As `POST /query`.
    #[oai(path = "/query", method = "get", operation_id = "show_databases")]
    #[allow(clippy::unused_async, reason = "the framework calls async operations only")]
    async fn show(&self, q: Text, db: Text) -> StatementResponse {
        answer(q.0, db.0.as_deref())
    }
}

/// What the parameters of a write say.
struct Sent {
    bucket: Option<String>,
    precision: Option<String>,
    /// Whether a request without lines is no error: clients of version 1 test their set-up with one, and that of Home
    /// Assistant takes a 400 of version 2 as the sign that it works.
    may_be_empty: bool,
}

impl LineProtocolApi {
    /// The operations over those of the Ingestion API.
    #[must_use]
    pub fn new(ingestion: IngestionApi, mapping: Arc<LineMapping>) -> Self {
        Self { ingestion, mapping }
    }

    async fn write(
        &self,
        LinesBody(body): LinesBody,
        request: &Request,
        sent: &Sent,
        name: &'static str,
    ) -> WriteResponse {
        let body = match body {
            Ok(body) => body,
            Err(error) => return error.into(),
        };
        let Some(bucket) = sent.bucket.as_deref().filter(|bucket| !bucket.is_empty()) else {
            return invalid(format!("{name}: Field required"));
        };
        let precision = sent.precision.as_deref().unwrap_or_default();
        let Some(precision) = Precision::of(precision) else {
            return invalid(format!("precision: Input should be one of {NAMES}"));
        };
        let target = WriteTarget { bucket, precision, now: now() };
        let rows = rows::read(&body.bytes, &target, &self.mapping, request).await;
        let Ok(rows) = rows else { return too_many_lines() };
        match rows.count() {
            0 if sent.may_be_empty => WriteResponse::Written,
            0 => invalid("writing requires points".to_owned()),
            _ => WriteResponse::of(self.ingestion.append_received(request, rows).await),
        }
    }
}

/// The time of arrival.
fn now() -> Instant {
    Instant::from_epoch_micros(chrono::Utc::now().timestamp_micros())
}

fn invalid(detail: String) -> WriteResponse {
    WriteResponse::invalid(ErrorBody::new(ErrorCode::ValidationFailed, detail))
}

fn too_many_lines() -> WriteResponse {
    let detail = format!("A request may have at most {MAX_LINES} lines");
    WriteResponse::too_large(ErrorBody::new(ErrorCode::BodyTooLarge, detail))
}

fn answer(statement: Option<String>, database: Option<&str>) -> StatementResponse {
    match statement::results(&statement.unwrap_or_default(), database) {
        Some(results) => StatementResponse::Results(Json(results)),
        None => StatementResponse::unsupported(),
    }
}

/// The value of a name in a form.
fn form_value(form: &[u8], name: &str) -> Option<String> {
    let mut pairs = serde_urlencoded::from_bytes::<Vec<(String, String)>>(form).ok()?.into_iter();
    pairs.find(|(found, _)| found == name).map(|(_, value)| value)
}
