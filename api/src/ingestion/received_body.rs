//! The bytes of a body, received and decoded within limits of size, time and memory.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use poem::Body;
use poem::http::{HeaderMap, header};
use poem_openapi::payload::Json;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::content_coding::{CODINGS, Coding, DecodeError};
use crate::error_body::ErrorBody;
use crate::error_code::ErrorCode;

/// The limits of one kind of body.
#[derive(Debug)]
pub(super) struct BodyLimits {
    /// What it contains, for errors.
    pub content: &'static str,
    /// The most bytes, as sent and decoded.
    pub bytes: usize,
    /// The largest body that needs no memory permit: every connection may have one.
    pub small_bytes: usize,
    /// The memory of all larger bodies, and of those of unknown length, in KiB; further ones are not read meanwhile.
    pub received_kib: &'static Semaphore,
    /// The memory of all bodies that are being decoded, in KiB.
    pub decoded_kib: &'static Semaphore,
    /// How long the body may take to arrive.
    pub timeout: Duration,
}

/// Why a body was not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It has more bytes than are permitted.
    TooLarge(&'static BodyLimits),
    /// It has too many bytes for each byte that was sent.
    TooDense,
    /// It did not arrive in time.
    TimedOut(Duration),
    /// It ended before it was complete, or its chunks are malformed.
    Incomplete,
    /// Its `Content-Encoding` is not supported.
    UnsupportedCoding,
    /// It is not what its `Content-Encoding` says.
    Undecodable,
}

impl PartialEq for BodyLimits {
    fn eq(&self, other: &Self) -> bool {
        self.content == other.content
    }
}

impl Eq for BodyLimits {}

/// The responses of an operation to a body that was not received.
pub(super) struct BodyResponses<R> {
    /// 400.
    pub incomplete: fn(Json<ErrorBody>) -> R,
    /// 408.
    pub timed_out: fn(Json<ErrorBody>) -> R,
    /// 413.
    pub too_large: fn(Json<ErrorBody>) -> R,
    /// 415, with the codings that are supported.
    pub unsupported_coding: fn(Json<ErrorBody>, String) -> R,
}

impl BodyError {
    /// The response to it.
    pub fn respond<R>(self, responses: &BodyResponses<R>) -> R {
        let body = Json(self.body());
        match self {
            Self::Incomplete | Self::Undecodable => (responses.incomplete)(body),
            Self::TimedOut(_) => (responses.timed_out)(body),
            Self::TooLarge(_) | Self::TooDense => (responses.too_large)(body),
            Self::UnsupportedCoding => (responses.unsupported_coding)(body, CODINGS.to_owned()),
        }
    }

    /// The body of the response.
    fn body(self) -> ErrorBody {
        let (code, detail) = match self {
            Self::TooLarge(BodyLimits { content, bytes, .. }) => (
                ErrorCode::BodyTooLarge,
                format!("The body of {content} may have at most {bytes} bytes"),
            ),
            Self::TooDense => (
                ErrorCode::BodyTooLarge,
                "The decoded body is too large for the bytes that were sent".to_owned(),
            ),
            Self::TimedOut(limit) => (
                ErrorCode::BodyTimeout,
                format!("The body did not arrive completely within {} seconds", limit.as_secs()),
            ),
            Self::Incomplete => (
                ErrorCode::BodyIncomplete,
                "The body ended before it was complete, or its chunks are malformed".to_owned(),
            ),
            Self::UnsupportedCoding => (
                ErrorCode::UnsupportedContentEncoding,
                format!("The body may have one Content-Encoding of {CODINGS}, and no other"),
            ),
            Self::Undecodable => (
                ErrorCode::BodyUndecodable,
                "The body is not what its Content-Encoding says, or is cut off".to_owned(),
            ),
        };
        ErrorBody::new(code, detail)
    }
}

/// The bytes of a body, and its memory permit if it is large.
#[derive(Debug, Default)]
pub(super) struct ReceivedBody {
    pub bytes: Bytes,
    _permit: Option<SemaphorePermit<'static>>,
}

/// Receives a body, and decodes it.
pub(super) async fn receive(
    headers: &HeaderMap,
    body: Body,
    limits: &'static BodyLimits,
) -> Result<ReceivedBody, BodyError> {
    let coding = Coding::of(headers).map_err(|_| BodyError::UnsupportedCoding)?;
    let received = receive_encoded(headers, body, limits).await?;
    match coding {
        None => Ok(received),
        // On the heap: few bodies are encoded.
        Some(coding) => Box::pin(decode(received, coding, limits)).await,
    }
}

/// Receives a body as it was sent, whatever its coding.
pub(super) async fn receive_encoded(
    headers: &HeaderMap,
    body: Body,
    limits: &'static BodyLimits,
) -> Result<ReceivedBody, BodyError> {
    let length = declared_length(headers);
    // Not read at all: a client that sends `Expect: 100-continue` need not send it.
    if length.is_some_and(|length| length > limits.bytes) {
        return Err(BodyError::TooLarge(limits));
    }
    let received = timeout(limits.timeout, read(body, length, limits)).await;
    received.map_err(|_| BodyError::TimedOut(limits.timeout))?
}

async fn decode(
    received: ReceivedBody,
    coding: Coding,
    limits: &'static BodyLimits,
) -> Result<ReceivedBody, BodyError> {
    // While it is held, no sender is waited for.
    let permit = acquire(limits.decoded_kib, limits.bytes).await;
    let decoded = coding.decode(&received.bytes, limits.bytes).await;
    let bytes = decoded.map_err(|error| match error {
        DecodeError::Invalid => BodyError::Undecodable,
        DecodeError::TooLarge => BodyError::TooLarge(limits),
        DecodeError::TooDense => BodyError::TooDense,
    })?;
    Ok(ReceivedBody { bytes, _permit: permit })
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    // Err: more digits than any length has.
    Some(length.parse().unwrap_or(usize::MAX))
}

/// Reads a body to its end. A body that arrives in one chunk, as nearly every reading does, is not copied.
async fn read(
    body: Body,
    length: Option<usize>,
    limits: &'static BodyLimits,
) -> Result<ReceivedBody, BodyError> {
    let permit = if body.is_empty() { None } else { memory_permit(length, limits).await };
    let mut chunks = std::pin::pin!(body.into_bytes_stream());
    let incomplete = |_| BodyError::Incomplete;
    let Some(first) = chunks.try_next().await.map_err(incomplete)? else {
        return Ok(ReceivedBody::default());
    };
    let mut next = chunks.try_next().await.map_err(incomplete)?;
    if next.is_none() {
        return Ok(ReceivedBody { bytes: first, _permit: permit });
    }
    let mut bytes = BytesMut::with_capacity(length.unwrap_or(limits.small_bytes));
    bytes.extend_from_slice(&first);
    drop(first);
    while let Some(chunk) = next {
        if bytes.len() + chunk.len() > limits.bytes {
            return Err(BodyError::TooLarge(limits));
        }
        bytes.extend_from_slice(&chunk);
        next = chunks.try_next().await.map_err(incomplete)?;
    }
    Ok(ReceivedBody { bytes: bytes.freeze(), _permit: permit })
}

/// The permit for a body of this length, if it needs one.
async fn memory_permit(
    length: Option<usize>,
    limits: &'static BodyLimits,
) -> Option<SemaphorePermit<'static>> {
    let length = length.unwrap_or(limits.bytes);
    if length <= limits.small_bytes {
        return None;
    }
    acquire(limits.received_kib, length).await
}

/// Acquires the memory for this number of bytes.
pub(super) async fn acquire(
    kib: &'static Semaphore,
    bytes: usize,
) -> Option<SemaphorePermit<'static>> {
    let needed = u32::try_from(bytes.div_ceil(1024)).ok()?;
    kib.acquire_many(needed).await.ok() // Err: it is never closed
}
