//! Properties of connections: requests in any parts, and bytes that are no requests.

use hyper::StatusCode;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;

/// One in this many cases of the other properties: a case here is a server and a connection.
const FEWER: u32 = 8;

fn fewer_cases() -> Config {
    let config = Config::default();
    Config { cases: (config.cases / FEWER).max(1), ..config }
}

/// Responds with the body of the request, or with no body.
fn echo(with_body: bool) -> impl Endpoint<Output = Response> {
    make(move |mut request| async move {
        let body = request.take_body().into_bytes().await;
        let status = if body.is_ok() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        let body = body.ok().filter(|_| with_body).unwrap_or_default();
        Ok::<_, poem::Error>(Response::builder().status(status).body(body))
    })
}

/// What a server responds to bytes that arrive in parts of these sizes, and then end.
fn responses(
    endpoint: impl Endpoint<Output = Response> + 'static,
    bytes: &[u8],
    parts: &[usize],
) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::start(endpoint, 10).await;
        let mut client = server.connect().await;
        client.set_nodelay(true).unwrap();
        let (mut rest, mut parts) = (bytes, parts.iter().cycle());
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(parts.next().copied().unwrap_or(1)));
            // Err: the server has responded already and closes.
            let _ = client.write_all(part).await;
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            rest = after;
        }
        let _ = client.shutdown().await;
        let mut responses = Vec::new();
        client.read_to_end(&mut responses).await.unwrap();
        responses
    })
}

/// The status of each response.
fn statuses(responses: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(responses);
    // The sentence of an error may have these words, too, but no number behind them.
    let status = |response: &str| response.get(..3)?.parse().ok();
    text.split("HTTP/1.1 ").skip(1).filter_map(status).collect()
}

fn chunked(chunks: &[Vec<u8>], extension: &str) -> Vec<u8> {
    let mut request =
        b"POST /any HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
        request.extend(format!("{:x}{extension}\r\n", chunk.len()).into_bytes());
        request.extend([chunk.as_slice(), b"\r\n"].concat());
    }
    request.extend(b"0\r\n\r\n");
    request
}

fn any_parts() -> impl Strategy<Value = Vec<usize>> {
    vec(1..60_usize, 1..6)
}

/// A request, a part of which is replaced.
fn damaged_request() -> impl Strategy<Value = Vec<u8>> {
    let sized =
        Just(b"POST /any?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody".to_vec());
    let in_chunks = vec("[a-z]{1,9}".prop_map(String::into_bytes), 1..3);
    let in_chunks = in_chunks.prop_map(|chunks| chunked(&chunks, ""));
    let request = prop_oneof![sized, in_chunks, Just(REQUEST.repeat(2))];
    let instead = prop_oneof![
        any::<Vec<u8>>(),
        "[ :\r\n\\x00/,;=%a-f0-9-]{0,8}".prop_map(String::into_bytes),
        Just(b"\r\nTransfer-Encoding: chunked\r\n".to_vec()),
        Just(b"\r\nContent-Length: 3\r\n".to_vec()),
        Just(b"\r\nHost: y\r\n".to_vec()),
    ];
    let damaged = (request, any::<prop::sample::Index>(), 0..9_usize, instead);
    damaged.prop_map(|(mut request, place, length, instead)| {
        let from = place.index(request.len() + 1);
        let to = request.len().min(from + length);
        request.splice(from..to, instead);
        request
    })
}

proptest! {
    #![proptest_config(fewer_cases())]

    #[test]
    fn a_chunked_body_arrives_whole_however_it_is_cut(
        chunks in vec(any::<Vec<u8>>(), 0..5), extension in "(;[a-z]{1,5}(=[a-z]{1,5})?)?",
        parts in any_parts(),
    ) {
        let responses = responses(echo(true), &chunked(&chunks, &extension), &parts);
        prop_assert_eq!(statuses(&responses[..12]), [200]);
        let head = responses.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        prop_assert_eq!(&responses[head + 4..], chunks.concat());
    }

    #[test]
    fn bytes_in_place_of_a_request_get_no_server_error_however_they_arrive(
        request in damaged_request(), parts in any_parts(),
    ) {
        let whole = statuses(&responses(echo(false), &request, &[request.len().max(1)]));
        let is_our_error = |status: &u16| *status >= 500 && *status != 501;
        prop_assert!(!whole.iter().any(is_our_error), "{:?}", whole);
        let in_parts = statuses(&responses(echo(false), &request, &parts));
        prop_assert!(!in_parts.iter().any(is_our_error), "{:?}", in_parts);
    }
}
