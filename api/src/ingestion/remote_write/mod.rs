//! `POST /api/v1/write`: Prometheus remote write 1.0. Samples of mapped metrics are readings; others are counted.

mod answer;
mod mapping;
#[cfg(test)]
mod properties;
mod samples;
mod wire;
mod write_body;

use std::sync::Arc;

use poem::Request;
use poem_openapi::OpenApi;
use readings::store::receivers::Receiver;

use self::answer::{
    RemoteWriteResult, accepted, invalid, not_accepted, not_received, unsupported_coding,
    unsupported_type,
};
pub use self::mapping::{PowerMetric, PowerMetricError, RemoteWriteMapping};
use self::samples::read;
use self::write_body::WriteBody;
use super::IngestionApi;
use super::received_rows::ReceivedRows;
use crate::api_tag::ApiTag;

/// The receiver of Prometheus remote write.
#[derive(Debug)]
pub struct RemoteWriteApi {
    /// Where the readings are appended.
    pub ingestion: IngestionApi,
    /// Which series are readings.
    pub mapping: Arc<RemoteWriteMapping>,
}

#[OpenApi(tag = "ApiTag::Ingestion")]
impl RemoteWriteApi {
    /// Send samples by Prometheus remote write
    ///
    /// Remote write 1.0, as Prometheus and agents send it. Samples of the metrics in `REMOTE_WRITE_METRICS` are readings;
    /// others are counted and not stored. After a 204 each sample that is a valid reading is in the stream. A sample that
    /// is sent again is accepted once, as site, device, time and power are its idempotency key.
    #[oai(path = "/api/v1/write", method = "post", operation_id = "remote_write")]
    async fn remote_write(&self, body: WriteBody, request: &Request) -> RemoteWriteResult {
        let message = match body {
            WriteBody::Decoded(message) => message,
            WriteBody::Undecodable => return Ok(invalid("The body is no block of snappy")),
            WriteBody::UnsupportedType => return Ok(unsupported_type()),
            WriteBody::UnsupportedCoding => return Ok(unsupported_coding()),
            WriteBody::Failed(error) => return not_received(error),
        };
        // On the heap: this future is large.
        Box::pin(self.append(&message.bytes, request)).await
    }
}

impl RemoteWriteApi {
    async fn append(&self, message: &[u8], request: &Request) -> RemoteWriteResult {
        let mut rows = ReceivedRows::new(Receiver::RemoteWrite, request);
        if let Err(malformed) = read(message, &self.mapping, &mut rows).await {
            return Ok(invalid(malformed.to_string()));
        }
        match self.ingestion.append_received(request, rows).await {
            Ok(received) => Ok(accepted(received)),
            Err(error) => not_accepted(error),
        }
    }
}
