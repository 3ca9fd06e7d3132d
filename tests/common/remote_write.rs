//! Bodies of Prometheus remote write.

use prost::Message;
use reqwest::{Method, RequestBuilder};
use snap::raw::Encoder;

use super::http::{Http, Reply};

pub const PATH: &str = "/api/v1/write";

/// A series: its labels, and its samples with their times in milliseconds since the Unix epoch.
#[derive(Clone, PartialEq, Message)]
pub struct Series {
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Label {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Sample {
    #[prost(double, tag = "1")]
    pub value: f64,
    #[prost(int64, tag = "2")]
    pub timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<Series>,
}

/// 2024-01-15T12:00:00Z.
pub const NOON_MS: i64 = 1_705_320_000_000;

/// A series with these labels and samples.
pub fn series(labels: &[(&str, &str)], samples: &[(f64, i64)]) -> Series {
    let label =
        |(name, value): &(&str, &str)| Label { name: (*name).into(), value: (*value).into() };
    let sample = |&(value, timestamp): &(f64, i64)| Sample { value, timestamp };
    Series {
        labels: labels.iter().map(label).collect(),
        samples: samples.iter().map(sample).collect(),
    }
}

/// The power of a plug at noon, and each second after it.
pub fn plug(metric: &str, site: &str, values: &[f64]) -> Series {
    let samples: Vec<_> = values.iter().copied().zip((NOON_MS..).step_by(1_000)).collect();
    series(&[("__name__", metric), ("site", site), ("device", "plug")], &samples)
}

/// A body as Prometheus sends it.
pub fn body(timeseries: &[Series]) -> Vec<u8> {
    let message = WriteRequest { timeseries: timeseries.to_vec() }.encode_to_vec();
    Encoder::new().compress_vec(&message).unwrap()
}

/// A request with the headers of Prometheus.
pub fn request(service: &Http, body: Vec<u8>) -> RequestBuilder {
    let request = service.request(Method::POST, PATH).body(body);
    let request = request.header("content-type", "application/x-protobuf");
    let request = request.header("x-prometheus-remote-write-version", "0.1.0");
    request.header("content-encoding", "snappy").header("user-agent", "Prometheus/2.42.0")
}

/// Sends series as Prometheus does.
pub async fn write(service: &Http, timeseries: &[Series]) -> Reply {
    Reply::of(request(service, body(timeseries))).await
}
