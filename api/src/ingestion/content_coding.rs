//! Bodies with a `Content-Encoding` (RFC 9110, 8.4): gzip, deflate and zstd, in bounded memory and time.
//!
//! The decoders are in Rust: none parses bytes of strangers in C.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::{GzDecoder, ZlibDecoder};
use poem::http::{HeaderMap, header};
use ruzstd::decoding::StreamingDecoder;
use tokio::task::yield_now;

/// The codings, as `Accept-Encoding` of a 415 lists them.
pub(super) const CODINGS: &str = "gzip, deflate, zstd";

/// Bytes that are decoded without a pause. Too low: decoding takes longer. Too high: other requests of the thread wait.
const STEP_BYTES: u64 = 128 * 1024;

/// The most bytes that a body has for each byte that was sent, once it has [`FREE_BYTES`]. Too low: bodies of many
/// equal rows are rejected. Too high: few bytes cost much memory and time.
const MAX_RATIO: usize = 250;

/// Bytes of a body before its ratio counts.
const FREE_BYTES: usize = 1024 * 1024;

/// The largest window of zstd: decoders need not support a larger one (RFC 9659).
const MAX_ZSTD_WINDOW: u64 = 8 * 1024 * 1024;

/// A coding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Zstd,
}

/// The body has a coding that is not supported, or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnsupportedCoding;

/// Why a body is not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecodeError {
    /// It is not what its `Content-Encoding` says, or is cut off.
    Invalid,
    /// It has more bytes than are permitted.
    TooLarge,
    /// It has too many bytes for each byte that was sent.
    TooDense,
}

impl Coding {
    /// The coding of a request; `None` without one.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, UnsupportedCoding> {
        let values = headers.get_all(header::CONTENT_ENCODING).into_iter();
        let names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let names = names.map(|name| name.trim_ascii().to_ascii_lowercase());
        let mut names = names.filter(|name| !matches!(name.as_slice(), b"" | b"identity"));
        let Some(name) = names.next() else { return Ok(None) };
        if names.next().is_some() {
            return Err(UnsupportedCoding);
        }
        match name.as_slice() {
            b"gzip" | b"x-gzip" => Ok(Some(Self::Gzip)),
            b"deflate" => Ok(Some(Self::Deflate)),
            b"zstd" => Ok(Some(Self::Zstd)),
            _ => Err(UnsupportedCoding),
        }
    }

    /// Decodes a body to at most `limit` bytes.
    pub async fn decode(self, sent: &[u8], limit: usize) -> Result<Bytes, DecodeError> {
        let (bytes, rest) = match self {
            Self::Gzip => {
                let mut decoder = GzDecoder::new(sent);
                let bytes = read_to_end(&mut decoder, sent.len(), limit).await?;
                (bytes, decoder.into_inner())
            }
            Self::Deflate => {
                let mut decoder = ZlibDecoder::new(sent);
                let bytes = read_to_end(&mut decoder, sent.len(), limit).await?;
                (bytes, decoder.into_inner())
            }
            Self::Zstd => zstd(sent, limit).await?,
        };
        // A second gzip member or zstd frame: millions of empty ones would take seconds.
        if rest.is_empty() { Ok(bytes.into()) } else { Err(DecodeError::Invalid) }
    }
}

async fn zstd(sent: &[u8], limit: usize) -> Result<(Vec<u8>, &[u8]), DecodeError> {
    let decoder = StreamingDecoder::new_with_max_window_size(sent, MAX_ZSTD_WINDOW);
    let mut decoder = decoder.map_err(|_| DecodeError::Invalid)?;
    let bytes = read_to_end(&mut decoder, sent.len(), limit).await?;
    let (rest, decoder) = decoder.into_parts();
    let sum = decoder.get_checksum_from_data();
    if sum.is_some() && sum != decoder.get_calculated_checksum() {
        return Err(DecodeError::Invalid);
    }
    Ok((bytes, rest))
}

async fn read_to_end(
    decoder: &mut (dyn Read + Send),
    sent: usize,
    limit: usize,
) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = Vec::new();
    loop {
        let read = Read::take(&mut *decoder, STEP_BYTES).read_to_end(&mut bytes);
        match read.map_err(|_| DecodeError::Invalid)? {
            0 => return Ok(bytes),
            _ if bytes.len() > limit => return Err(DecodeError::TooLarge),
            _ if bytes.len() > FREE_BYTES.max(sent.saturating_mul(MAX_RATIO)) => {
                return Err(DecodeError::TooDense);
            }
            _ => yield_now().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use poem::http::HeaderValue;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    const LIMIT: usize = 10 * 1024 * 1024;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn encoded(text: &[u8]) -> [(Coding, Vec<u8>); 3] {
        let zstd = compress_to_vec(text, CompressionLevel::Fastest);
        [(Coding::Gzip, gzip(text)), (Coding::Deflate, deflate(text)), (Coding::Zstd, zstd)]
    }

    /// A text that compresses little.
    fn dense(bytes: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        std::iter::repeat_with(next).take(bytes).collect()
    }

    #[tokio::test]
    async fn a_body_is_decoded_up_to_the_limit() {
        for size in [0, 1, 300_000] {
            let text = dense(size);
            for (coding, sent) in encoded(&text) {
                assert_eq!(
                    coding.decode(&sent, size).await.as_deref(),
                    Ok(&text[..]),
                    "{coding:?}"
                );
                if size > 0 {
                    let error = coding.decode(&sent, size - 1).await;
                    assert_eq!(error, Err(DecodeError::TooLarge), "{coding:?}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_body_that_is_cut_off_or_has_more_behind_it_is_invalid() {
        let text = dense(200_000);
        for (coding, sent) in encoded(&text) {
            for end in [0, 1, 5, sent.len() / 2, sent.len() - 1] {
                let decoded = coding.decode(&sent[..end], LIMIT).await;
                assert_eq!(decoded, Err(DecodeError::Invalid), "{coding:?} {end}");
            }
            for more in [b"x".to_vec(), sent.clone()] {
                let sent = [&sent[..], &more].concat();
                assert_eq!(coding.decode(&sent, LIMIT).await, Err(DecodeError::Invalid));
            }
            assert_eq!(coding.decode(&text, LIMIT).await, Err(DecodeError::Invalid));
        }
    }

    #[tokio::test]
    async fn a_bomb_is_not_decoded_to_its_end() {
        for (coding, sent) in encoded(&vec![b' '; LIMIT]) {
            assert!(sent.len() * MAX_RATIO < LIMIT, "{coding:?} {}", sent.len());
            assert_eq!(coding.decode(&sent, LIMIT).await, Err(DecodeError::TooDense), "{coding:?}");
        }
        // The same ratio is permitted for small bodies.
        for (coding, sent) in encoded(&vec![b' '; FREE_BYTES]) {
            assert!(coding.decode(&sent, LIMIT).await.is_ok(), "{coding:?}");
        }
    }

    #[test]
    fn codings_are_not_nested() {
        let of = |values: &[&'static str]| {
            let header =
                |value: &&'static str| (header::CONTENT_ENCODING, HeaderValue::from_static(value));
            Coding::of(&values.iter().map(header).collect())
        };
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&["identity"]), Ok(None));
        assert_eq!(of(&["GZip"]), Ok(Some(Coding::Gzip)));
        assert_eq!(of(&["identity, x-gzip ,"]), Ok(Some(Coding::Gzip)));
        assert_eq!(of(&["deflate"]), Ok(Some(Coding::Deflate)));
        assert_eq!(of(&["zstd"]), Ok(Some(Coding::Zstd)));
        for nested in [&["gzip, gzip"][..], &["gzip", "zstd"], &["br"], &["gzip br"]] {
            assert_eq!(of(nested), Err(UnsupportedCoding), "{nested:?}");
        }
    }
}
