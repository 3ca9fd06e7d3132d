//! Responses to `GET` are compressed with gzip when the client asks for it (RFC 9110, 12.5.3).
//!
//! A response is compressed while it is sent, in parts, and what was compressed of a chunk is sent with it: a
//! large response begins as soon as without, and takes no more memory. Event streams are never compressed.

use std::io::{self, Write};
use std::mem::take;
use std::pin::Pin;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::Either;
use futures_util::{Stream, StreamExt, TryFutureExt, stream};
use hyper::body::Body as _;
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Body, Endpoint, Request, Response, Result};

use crate::weighted_items::weighted_items;

/// The smallest body that is compressed: a smaller one fits in one packet anyway. Too low: time without use. Too high:
/// slow links carry more than they need to.
const MIN_BYTES: u64 = 1_400;

/// Bytes that are compressed without a pause (0.5 ms). Too low: compression takes longer. Too high: other requests of
/// the thread wait.
const PART_BYTES: usize = 64 * 1024;

/// The media types that shrink. An event stream would be sent late, so it is not among them.
const MEDIA_TYPES: [&str; 9] = [
    "application/json",
    "application/x-ndjson",
    "application/openmetrics-text",
    "image/svg+xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
    "text/plain",
];

/// An endpoint whose responses are compressed.
pub(crate) struct Compressed<E>(pub E);

impl<E: Endpoint<Output = Response>> Endpoint for Compressed<E> {
    type Output = Response;

    // Not an async function: that would move the request once more.
    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        if request.method() != Method::GET {
            return Either::Left(self.0.call(request));
        }
        let accepts_gzip = accepts_gzip(request.headers());
        let responding = self.0.call(request);
        Either::Right(responding.map_ok(move |response| negotiated(response, accepts_gzip)))
    }
}

/// The response, compressed if it may be and the client accepts it.
fn negotiated(mut response: Response, accepts_gzip: bool) -> Response {
    if !may_be_compressed(&response) {
        return response;
    }
    response.headers_mut().append(header::VARY, header::ACCEPT_ENCODING.into());
    if accepts_gzip { compressed(response) } else { response }
}

/// Whether `Accept-Encoding` permits gzip, and does not prefer no coding.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    for (name, weight) in weighted_items(headers, header::ACCEPT_ENCODING) {
        match name.as_str() {
            "gzip" | "x-gzip" => gzip = Some(weight),
            "*" => any = Some(weight),
            "identity" => identity = Some(weight),
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= identity.unwrap_or(0.0)
}

/// Whether the response depends on `Accept-Encoding`.
fn may_be_compressed(response: &Response) -> bool {
    let headers = response.headers();
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    response.status() == StatusCode::OK
        && MEDIA_TYPES.contains(&media_type.trim())
        && !headers.contains_key(header::CONTENT_ENCODING)
}

/// The response with its body compressed, unless that is small.
fn compressed(mut response: Response) -> Response {
    let body = http_body_util::combinators::BoxBody::from(response.take_body());
    if body.size_hint().exact().is_some_and(|bytes| bytes < MIN_BYTES) {
        response.set_body(body);
        return response;
    }
    let level = level_of(response.headers());
    response.set_body(gzip(Body::from(body), level));
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

/// The fastest level: a higher one costs more time than usual links save. But the page's files are requested once by each browser, and
/// are a fifth smaller at the usual level.
fn level_of(headers: &HeaderMap) -> Compression {
    let is_of_the_page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|media_type| media_type == "text/javascript" || media_type == "text/css");
    if is_of_the_page { Compression::default() } else { Compression::fast() }
}

/// A body that is being compressed.
struct Gzip {
    chunks: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    /// The rest of the current chunk.
    chunk: Bytes,
    encoder: GzEncoder<Vec<u8>>,
}

fn gzip(body: Body, level: Compression) -> Body {
    let gzip = Gzip {
        chunks: Box::pin(body.into_bytes_stream()),
        chunk: Bytes::new(),
        encoder: GzEncoder::new(Vec::new(), level),
    };
    Body::from_bytes_stream(stream::unfold(Some(gzip), async |gzip| {
        // None: the end or an error was yielded before.
        let mut gzip = gzip?;
        match gzip.next().await {
            Ok(Some(part)) => Some((Ok(part), Some(gzip))),
            Ok(None) => Some((gzip.encoder.finish(), None)),
            // The connection is aborted, as without compression.
            Err(error) => Some((Err(error), None)),
        }
    }))
}

impl Gzip {
    /// The next compressed bytes; `None` when all chunks were read.
    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if self.chunk.is_empty() {
                let Some(chunk) = self.chunks.next().await.transpose()? else { return Ok(None) };
                self.chunk = chunk;
            }
            let part = self.chunk.split_to(self.chunk.len().min(PART_BYTES));
            self.encoder.write_all(&part)?;
            if self.chunk.is_empty() {
                self.encoder.flush()?;
            }
            let compressed = take(self.encoder.get_mut());
            if !compressed.is_empty() {
                return Ok(Some(compressed));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use poem::endpoint::make_sync;

    use super::*;

    #[test]
    fn gzip_is_used_when_it_is_accepted_and_no_coding_is_not_preferred() {
        for (value, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("deflate, x-gzip", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000, *", false),
            ("gzip;q=0.5, identity", false),
            ("identity;q=0.5, gzip", true),
            ("br, deflate", false),
            ("", false),
            ("gzip;q=x", false),
        ] {
            let header = (header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(accepts_gzip(&HeaderMap::from_iter([header])), expected, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    async fn response(content_type: &'static str, body: Body) -> Response {
        let body = std::sync::Mutex::new(Some(body));
        let endpoint = make_sync(move |_| {
            let body = body.lock().unwrap().take().unwrap();
            Response::builder().header(header::CONTENT_TYPE, content_type).body(body)
        });
        let request = Request::builder().header(header::ACCEPT_ENCODING, "gzip").finish();
        Compressed(endpoint).call(request).await.unwrap()
    }

    #[tokio::test]
    async fn a_body_of_several_chunks_is_compressed_chunk_by_chunk() {
        let text = "a reading, ".repeat(20_000);
        let chunks: Vec<_> = text.as_bytes().chunks(100_000).map(<[u8]>::to_vec).collect();
        let chunks = stream::iter(chunks.into_iter().map(Ok::<_, io::Error>));
        let response = response("text/csv; charset=utf-8", Body::from_bytes_stream(chunks)).await;
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(response.headers()[header::VARY], "accept-encoding");
        let compressed = response.into_body().into_bytes().await.unwrap();
        assert!(compressed.len() * 20 < text.len());
        let mut decoded = String::new();
        GzDecoder::new(&compressed[..]).read_to_string(&mut decoded).unwrap();
        assert_eq!(decoded, text);
    }

    #[tokio::test]
    async fn the_first_chunk_is_sent_before_the_second_one_is_there() {
        let first = stream::iter([Ok::<_, io::Error>(b"first".to_vec())]);
        let body = Body::from_bytes_stream(first.chain(stream::pending()));
        let response = response("application/json", body).await;
        let mut parts = Box::pin(response.into_body().into_bytes_stream());
        let mut decoder = flate2::write::GzDecoder::new(Vec::new());
        while decoder.get_ref() != b"first" {
            decoder.write_all(&parts.next().await.unwrap().unwrap()).unwrap();
            decoder.flush().unwrap();
        }
    }

    #[tokio::test]
    async fn small_bodies_event_streams_and_errors_are_not_compressed() {
        let large = || Body::from_string("x".repeat(5_000));
        for (content_type, body) in [
            ("application/json", Body::from_string("x".repeat(1_399))),
            ("text/event-stream", large()),
            ("image/png", large()),
        ] {
            let response = response(content_type, body).await;
            assert!(!response.headers().contains_key(header::CONTENT_ENCODING), "{content_type}");
        }
        let failing = stream::iter([Err::<Vec<u8>, _>(io::Error::other("aborted"))]);
        let response = response("text/plain", Body::from_bytes_stream(failing)).await;
        assert!(response.into_body().into_bytes().await.is_err());
    }
}
