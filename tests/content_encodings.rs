//! Bodies that are encoded with gzip, deflate or zstd are decoded within limits.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use reqwest::Method;
use serde_json::json;

use crate::common::batch::{NDJSON, PATH, ndjson, rows};
use crate::common::http::{Http, Reply};
use crate::common::product::ingestion_api;
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, STREAM};

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

/// The frame of the zstd program for a text of at most 100,000 bytes, not compressed: one raw block (RFC 8878).
fn zstd(text: &[u8]) -> Vec<u8> {
    assert!(text.len() <= 100_000);
    let size = u32::try_from(text.len()).unwrap();
    // A single segment, whose content size has four bytes.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000];
    frame.extend(size.to_le_bytes());
    frame.extend(&((size << 3) | 1).to_le_bytes()[..3]);
    frame.extend(text);
    frame
}

async fn send(server: &Http, path: &str, coding: &str, body: Vec<u8>) -> Reply {
    let media_type = if path == PATH { NDJSON } else { "application/json" };
    let request = server.request(Method::POST, path).header("content-type", media_type);
    Reply::of(request.header("content-encoding", coding).body(body)).await
}

fn code(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_reading_and_a_batch_may_be_encoded() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let (one, many) = (reading("site").to_string(), ndjson(&rows(500)));
    for (coding, encode) in [
        ("gzip", gzip as fn(&[u8]) -> Vec<u8>),
        ("x-gzip", gzip),
        ("deflate", deflate),
        ("zstd", zstd),
        ("identity", |text| text.to_vec()),
    ] {
        let reply = send(&ingestion, "/readings", coding, encode(one.as_bytes())).await;
        assert_eq!(reply.status, 201, "{coding}: {reply:?}");
        let reply = send(&ingestion, PATH, coding, encode(many.as_bytes())).await;
        assert_eq!(reply.json()["accepted"], 500, "{coding}: {reply:?}");
    }
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 5 * 501);
}

#[tokio::test]
async fn other_codings_and_several_are_rejected_with_those_that_are_supported() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    for path in ["/readings", PATH] {
        for coding in ["br", "gzip, gzip", "gzip, identity, zstd", "compress"] {
            let reply = send(&ingestion, path, coding, gzip(b"{}")).await;
            let expected = (415, "unsupported_content_encoding".to_owned());
            assert_eq!(code(&reply), expected, "{path} {coding}");
            assert_eq!(reply.header("accept-encoding"), "gzip, deflate, zstd");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_what_it_says_is_rejected() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    for (path, text) in [("/readings", reading("s").to_string()), (PATH, ndjson(&rows(200)))] {
        for (coding, whole) in
            [("gzip", gzip(text.as_bytes())), ("deflate", deflate(text.as_bytes()))]
        {
            for body in [text.clone().into(), whole[..whole.len() / 2].into(), Vec::new()] {
                let reply = send(&ingestion, path, coding, body).await;
                assert_eq!(code(&reply), (400, "body_undecodable".to_owned()), "{path} {coding}");
            }
        }
    }
    assert_eq!(redis.run::<usize>(&["XLEN", STREAM]).await, 0);
}

#[tokio::test]
async fn limits_are_those_of_the_decoded_body_and_memory_is_bounded() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let too_large = (413, "body_too_large".to_owned());
    let large = gzip(&vec![b' '; 64 * 1024 + 1]);
    assert!(large.len() < 1_000);
    assert_eq!(code(&send(&ingestion, "/readings", "gzip", large).await), too_large);
    let before = ingestion.memory_kb("VmHWM");
    for mebibytes in [11, 1_000] {
        let bomb = gzip(&vec![b' '; mebibytes * 1024 * 1024]);
        for body in [bomb.clone(), deflate(&vec![b'\n'; mebibytes * 1024 * 1024])] {
            let coding = if body == bomb { "gzip" } else { "deflate" };
            assert_eq!(code(&send(&ingestion, PATH, coding, body).await), too_large);
        }
    }
    let grown = ingestion.memory_kb("VmHWM") - before;
    assert!(grown < 32 * 1024, "the peak memory grew by {grown} kB");
    assert_eq!(json!(redis.run::<usize>(&["XLEN", STREAM]).await), json!(0));
}
