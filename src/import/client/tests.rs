use std::time::Instant as WallClock;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::import::stop::Stop;
use crate::import::stub::{Reply, Stub};
use crate::import::verdict::Reason;

const LONG: Duration = Duration::from_mins(1);

fn client(url: &ServiceUrl, retry_for: Duration) -> Client {
    Client::new(url.clone(), retry_for, Shared::for_tests()).unwrap()
}

async fn post(stub: &Stub) -> Verdict {
    client(&stub.url, LONG).post("{}").await
}

fn refusal(verdict: Verdict) -> (Outcome, Vec<Reason>) {
    match verdict {
        Verdict::Accepted => panic!("accepted"),
        Verdict::Refused(Refusal { outcome, reasons }) => (outcome, reasons),
    }
}

/// A base URL where nobody listens.
async fn nowhere() -> ServiceUrl {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    ServiceUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap()
}

#[tokio::test]
async fn created_is_accepted_and_the_connection_is_used_again() {
    let stub = Stub::start(|_, _| Reply::accepted()).await;
    let client = client(&stub.url, LONG);
    for body in ["{\"a\": 1}", "no json"] {
        assert_eq!(client.post(body).await, Verdict::Accepted);
    }
    assert_eq!(stub.bodies(), ["{\"a\": 1}", "no json"]);
    assert_eq!(stub.connections(), 1);
}

#[tokio::test]
async fn unprocessable_is_rejected_with_the_reasons_of_the_service() {
    let body = json!({ "detail": [
        { "type": "missing", "loc": ["body", "site_id"], "msg": "Field required", "input": {} },
        { "type": "json_invalid", "loc": ["body", 3], "msg": "JSON decode error", "ctx": {} },
    ]});
    let stub = Stub::start(move |_, _| Reply::Answer(422, "", body.to_string())).await;
    let (outcome, reasons) = refusal(post(&stub).await);
    assert_eq!(outcome, Outcome::Rejected);
    assert_eq!(
        json!(reasons),
        json!([
            { "type": "missing", "loc": ["body", "site_id"], "msg": "Field required" },
            { "type": "json_invalid", "loc": ["body", 3], "msg": "JSON decode error" },
        ])
    );
}

#[tokio::test]
async fn too_large_is_rejected_and_other_answers_are_failures_by_their_status() {
    for (status, body, outcome, kind) in [
        (413, r#"{"detail":"too large"}"#, Outcome::Rejected, "http_413"),
        (422, "gibberish", Outcome::Rejected, "http_422"),
        (500, r#"{"detail":"too large"}"#, Outcome::Failed, "http_500"),
        (404, "<html>", Outcome::Failed, "http_404"),
        (308, "", Outcome::Failed, "http_308"),
        (200, "{}", Outcome::Failed, "http_200"),
    ] {
        let reply = Reply::Answer(status, "Location: /\r\n", body.to_owned());
        let stub = Stub::start(move |_, _| reply.clone()).await;
        let (found, reasons) = refusal(post(&stub).await);
        assert_eq!((found, reasons[0].kind.as_str()), (outcome, kind));
        assert_eq!(reasons[0].msg.contains("too large"), body.contains("too large"));
        assert_eq!(stub.bodies().len(), 1, "{status} was sent again");
    }
}

#[tokio::test]
async fn unavailable_is_tried_again_until_it_is_available() {
    let stub = Stub::start(|number, _| match number {
        0..3 => Reply::unavailable(),
        _ => Reply::accepted(),
    });
    let stub = stub.await;
    assert_eq!(post(&stub).await, Verdict::Accepted);
    assert_eq!(stub.bodies().len(), 4);
}

#[tokio::test]
async fn the_service_says_how_long_to_wait() {
    let stub = Stub::start(|number, _| match number {
        0 => Reply::Answer(503, "Retry-After: 1\r\n", String::new()),
        _ => Reply::accepted(),
    });
    let (stub, began) = (stub.await, WallClock::now());
    assert_eq!(post(&stub).await, Verdict::Accepted);
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_wait_ends_in_time_for_a_last_try() {
    let stub = Stub::start(|_, _| {
        let body = r#"{"detail":"The store is starting or busy"}"#.to_owned();
        Reply::Answer(503, "Retry-After: 3600\r\n", body)
    });
    let (stub, began) = (stub.await, WallClock::now());
    let verdict = client(&stub.url, Duration::from_secs(1)).post("{}").await;
    let (outcome, reasons) = refusal(verdict);
    assert_eq!((outcome, reasons[0].kind.as_str()), (Outcome::Failed, "unavailable"));
    assert!(reasons[0].msg.contains("starting or busy"), "{reasons:?}");
    assert_eq!(stub.bodies().len(), 2);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn without_time_to_retry_a_row_is_tried_once() {
    let stub = Stub::start(|_, _| Reply::unavailable()).await;
    let verdict = client(&stub.url, Duration::ZERO).post("{}").await;
    assert_eq!(refusal(verdict).0, Outcome::Failed);
    assert_eq!(stub.bodies().len(), 1);
}

#[tokio::test]
async fn a_row_is_sent_again_once_somebody_listens() {
    let url = nowhere().await;
    let address = url.readings().socket_addrs(|| None).unwrap()[0];
    let client = client(&url, LONG);
    let listen = async {
        sleep(Duration::from_millis(300)).await;
        tokio::net::TcpListener::bind(address).await.unwrap().accept().await.unwrap()
    };
    tokio::select! {
        (stream, _) = listen => drop(stream),
        verdict = client.post("{}") => panic!("gave up: {verdict:?}"),
    }
}

#[tokio::test]
async fn an_import_ends_when_no_row_reaches_the_service() {
    let shared = Shared::for_tests();
    let (url, retry_for) = (nowhere().await, Duration::from_millis(300));
    let client = Client::new(url.clone(), retry_for, shared.clone()).unwrap();
    let (outcome, reasons) = refusal(client.post("{}").await);
    assert_eq!(outcome, Outcome::Failed);
    assert!(reasons[0].msg.starts_with(&format!("{url} cannot be reached: ")), "{reasons:?}");
    assert!(shared.stop.is_stopped());
}

#[tokio::test]
async fn a_row_whose_connection_breaks_is_unknown_and_not_sent_again() {
    let stub = Stub::start(|number, _| match number {
        0 => Reply::accepted(),
        _ => Reply::Break,
    });
    let stub = stub.await;
    let client = client(&stub.url, LONG);
    assert_eq!(client.post("first").await, Verdict::Accepted);
    let (outcome, reasons) = refusal(client.post("second").await);
    assert_eq!((outcome, reasons[0].kind.as_str()), (Outcome::Unknown, "outcome_unknown"));
    sleep(Duration::from_millis(300)).await;
    assert_eq!(stub.bodies(), ["first", "second"]);
}

#[tokio::test]
async fn a_row_that_the_service_says_it_may_have_taken_is_unknown_and_not_sent_again() {
    for detail in [
        "The store did not answer in time; it may have taken the request",
        "The request took too long; whether it was carried out is unknown",
    ] {
        let body = json!({ "detail": detail }).to_string();
        let reply = Reply::Answer(503, "Retry-After: 0\r\n", body);
        let stub = Stub::start(move |_, _| reply.clone()).await;
        let (outcome, reasons) = refusal(post(&stub).await);
        assert_eq!((outcome, reasons[0].kind.as_str()), (Outcome::Unknown, "outcome_unknown"));
        assert!(reasons[0].msg.contains(detail), "{reasons:?}");
        assert_eq!(stub.bodies().len(), 1);
    }
}

/// The first two rows break; of the others, so many were under way at once at most.
async fn most_at_once_after_trouble(is_over: bool) -> usize {
    let stub = Stub::start(move |number, _| match number {
        0 => Reply::Break,
        1 if is_over => Reply::accepted(),
        _ => Reply::Hang,
    });
    let stub = stub.await;
    let client = std::sync::Arc::new(client(&stub.url, LONG));
    for _ in 0..=usize::from(is_over) {
        client.post("first").await;
    }
    let before = stub.bodies().len();
    let mut rows = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let client = std::sync::Arc::clone(&client);
        rows.spawn(async move { client.post("{}").await });
    }
    sleep(Duration::from_millis(500)).await;
    stub.bodies().len() - before
}

#[tokio::test]
async fn in_trouble_one_row_at_a_time_finds_out_whether_it_is_over() {
    assert_eq!(most_at_once_after_trouble(false).await, 1);
    assert_eq!(most_at_once_after_trouble(true).await, 8);
}

#[tokio::test]
async fn a_row_whose_turn_does_not_come_in_time_is_not_sent() {
    let stub = Stub::start(|number, _| if number == 0 { Reply::Break } else { Reply::Hang }).await;
    let client = client(&stub.url, Duration::from_millis(300));
    client.post("first").await;
    let hanging = client.post("second");
    tokio::pin!(hanging);
    let third = async {
        while stub.bodies().len() < 2 {
            tokio::task::yield_now().await;
        }
        refusal(client.post("third").await)
    };
    let (outcome, reasons) = tokio::select! {
        _ = &mut hanging => panic!("answered"),
        third = third => third,
    };
    assert_eq!(outcome, Outcome::Failed);
    assert!(reasons[0].msg.starts_with("not sent"), "{reasons:?}");
    assert_eq!(stub.bodies(), ["first", "second"]);
}

#[tokio::test]
async fn the_end_of_the_import_does_not_wait_for_pauses() {
    let stub = Stub::start(|_, _| Reply::Answer(503, "Retry-After: 30\r\n", String::new()));
    let (stub, interrupted) = (stub.await, CancellationToken::new());
    let shared = Shared { stop: Stop::with(&interrupted).into(), ..Shared::for_tests() };
    let client = Client::new(stub.url.clone(), LONG, shared).unwrap();
    let interrupt = async {
        while stub.bodies().is_empty() {
            tokio::task::yield_now().await;
        }
        interrupted.cancel();
    };
    let began = WallClock::now();
    let (verdict, ()) = tokio::join!(client.post("{}"), interrupt);
    assert_eq!(refusal(verdict).0, Outcome::Failed);
    assert!(began.elapsed() < Duration::from_secs(10));
}
