//! Rows that are sent again, and those that are not.

use std::time::Instant as WallClock;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::tracking::abort::Stop;

#[tokio::test]
async fn unavailable_is_tried_again_until_it_is_available() {
    let stub = Stub::start(|number, _| match number {
        0..3 => Reply::unavailable(),
        _ => Reply::accepted(),
    });
    let stub = stub.await;
    assert!(is_accepted(&post(&stub).await));
    assert_eq!(stub.bodies().len(), 4);
}

#[tokio::test]
async fn the_service_says_how_long_to_wait() {
    let stub = Stub::start(|number, _| match number {
        0 => Reply::Answer(503, "Retry-After: 1\r\n", String::new()),
        _ => Reply::accepted(),
    });
    let (stub, began) = (stub.await, WallClock::now());
    assert!(is_accepted(&post(&stub).await));
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_wait_ends_in_time_for_a_last_try() {
    let stub = Stub::start(|_, _| {
        let body = r#"{"detail":"The store is starting or busy"}"#.to_owned();
        Reply::Answer(503, "Retry-After: 3600\r\n", body)
    });
    let (stub, began) = (stub.await, WallClock::now());
    let verdict = client(&stub.url, Duration::from_secs(1)).post(&row("{}")).await;
    let (outcome, reasons) = refusal(verdict);
    assert_eq!((outcome, reasons[0].kind.as_str()), (Outcome::Failed, "unavailable"));
    assert!(reasons[0].msg.contains("starting or busy"), "{reasons:?}");
    assert_eq!(stub.bodies().len(), 2);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn without_time_to_retry_a_row_is_tried_once() {
    let stub = Stub::start(|_, _| Reply::unavailable()).await;
    let verdict = client(&stub.url, Duration::ZERO).post(&row("{}")).await;
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
    let row = row("{}");
    tokio::select! {
        (stream, _) = listen => drop(stream),
        verdict = client.post(&row) => panic!("gave up: {verdict:?}"),
    }
}

#[tokio::test]
async fn an_import_ends_when_no_row_reaches_the_service() {
    let shared = Shared::for_tests();
    let (url, retry_for) = (nowhere().await, Duration::from_millis(300));
    let client = Client::new(url.clone(), retry_for, shared.clone()).unwrap();
    let (outcome, reasons) = refusal(client.post(&row("{}")).await);
    assert_eq!(outcome, Outcome::Failed);
    assert!(reasons[0].msg.starts_with(&format!("{url} cannot be reached: ")), "{reasons:?}");
    assert!(shared.stop.is_stopped());
}

/// An answer of a gateway.
fn gateway(status: u16) -> Reply {
    Reply::Answer(status, "Content-Type: text/html\r\n", "<html>".to_owned())
}

/// What may become of a row that was perhaps passed on.
fn perhaps_passed_on() -> Vec<Reply> {
    let uncertain = |detail: &str| {
        let body = json!({ "detail": detail }).to_string();
        Reply::Answer(503, "Retry-After: 0\r\n", body)
    };
    let broken_off = Reply::Answer(201, "Content-Length: 1000\r\n", String::new());
    let mut replies = vec![
        Reply::Break,
        uncertain("The store did not answer in time; it may have taken the request"),
        uncertain("The request took too long; whether it was carried out is unknown"),
    ];
    replies.extend([500, 502, 503, 504, 520].map(gateway));
    replies.push(broken_off);
    replies
}

#[tokio::test]
async fn a_row_that_may_have_been_taken_is_sent_again_with_its_key() {
    for reply in perhaps_passed_on() {
        let stub = Stub::start(move |number, _| match number {
            1..3 => reply.clone(),
            _ => Reply::accepted(),
        });
        let stub = stub.await;
        let client = proven(&stub.url, LONG).await;
        assert!(is_accepted(&client.post(&row("second")).await));
        assert_eq!(stub.bodies(), ["first", "second", "second", "second"]);
        assert!(stub.keys().iter().all(|key| key.as_deref() == Some("key")));
    }
}

#[tokio::test]
async fn a_row_that_may_have_been_taken_is_never_failed() {
    for reply in perhaps_passed_on() {
        let last = reply.clone();
        let stub = Stub::start(move |_, _| last.clone()).await;
        let verdict = client(&stub.url, Duration::from_millis(200)).post(&row("{}")).await;
        let (outcome, reasons) = refusal(verdict);
        assert_eq!((outcome, reasons[0].kind.as_str()), (Outcome::Unknown, "outcome_unknown"));

        let stub = Stub::start(move |number, _| match number {
            0 => Reply::accepted(),
            1 => reply.clone(),
            2 => Reply::unavailable(),
            _ => Reply::Answer(404, "", String::new()),
        });
        let client = proven(&stub.await.url, LONG).await;
        assert_eq!(refusal(client.post(&row("{}")).await).0, Outcome::Unknown);
    }
}

#[tokio::test]
async fn a_row_that_was_not_looked_at_is_failed_in_the_end_not_unknown() {
    for (status, headers) in [(429, "Retry-After: 0\r\n"), (408, ""), (425, "")] {
        let reply = Reply::Answer(status, headers, String::new());
        let stub = Stub::start(move |_, _| reply.clone()).await;
        let verdict = client(&stub.url, Duration::from_millis(200)).post(&row("{}")).await;
        assert_eq!(refusal(verdict).0, Outcome::Failed, "{status}");
        assert!(stub.bodies().len() > 1);
    }
}

#[tokio::test]
async fn a_row_without_a_key_is_not_sent_again_when_it_may_have_been_taken() {
    for reply in perhaps_passed_on() {
        let stub = Stub::start(move |number, _| match number {
            0 => Reply::accepted(),
            _ => reply.clone(),
        });
        let stub = stub.await;
        let client = proven(&stub.url, LONG).await;
        let (outcome, _) = refusal(client.post(&row_without_key("second")).await);
        assert_eq!((outcome, stub.bodies().len()), (Outcome::Unknown, 2));
        assert!(!client.shared.stop.is_stopped());
    }
}

#[tokio::test]
async fn nor_is_one_with_a_key_to_a_service_that_does_not_know_keys() {
    let stub = Stub::start(|number, _| match number {
        0 => Reply::accepted_without_key(),
        _ => gateway(502),
    });
    let stub = stub.await;
    let client = proven(&stub.url, LONG).await;
    assert_eq!(refusal(client.post(&row("second")).await).0, Outcome::Unknown);
    assert_eq!(stub.bodies(), ["first", "second"]);
}

#[tokio::test]
async fn all_rows_wait_as_long_as_one_is_asked_to() {
    let began = WallClock::now();
    let stub = Stub::start(move |number, _| match number {
        1 => Reply::Answer(429, "Retry-After: 1\r\n", String::new()),
        0 => Reply::accepted(),
        _ if began.elapsed() < Duration::from_secs(1) => panic!("asked before"),
        _ => Reply::accepted(),
    });
    let stub = stub.await;
    let client = std::sync::Arc::new(proven(&stub.url, LONG).await);
    let mut rows = tokio::task::JoinSet::new();
    let limited = std::sync::Arc::clone(&client);
    rows.spawn(async move { limited.post(&row("{}")).await });
    while stub.bodies().len() < 2 {
        sleep(Duration::from_millis(1)).await;
    }
    sleep(Duration::from_millis(100)).await;
    for _ in 0..8 {
        let client = std::sync::Arc::clone(&client);
        rows.spawn(async move { client.post(&row("{}")).await });
    }
    assert!(rows.join_all().await.iter().all(is_accepted));
    assert_eq!(stub.bodies().len(), 11);
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
        client.post(&row_without_key("first")).await;
    }
    let before = stub.bodies().len();
    let mut rows = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let client = std::sync::Arc::clone(&client);
        rows.spawn(async move { client.post(&row("{}")).await });
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
async fn a_row_that_was_not_sent_when_the_import_ends_is_none() {
    let stub = Stub::start(|number, _| match number {
        0 => Reply::accepted(),
        1 => gateway(502),
        _ => Reply::Hang,
    });
    let stub = stub.await;
    let client = proven(&stub.url, LONG).await;
    let (second, third) = (row("second"), row("third"));
    let end = async {
        while stub.bodies().len() < 3 {
            tokio::task::yield_now().await;
        }
        let ending = async { client.shared.stop.because(anyhow!("an end")) };
        tokio::join!(client.post(&third), ending).0
    };
    let third = tokio::select! {
        _ = client.post(&second) => panic!("answered"),
        third = end => third,
    };
    assert_eq!(third, Verdict::NotSent);
    assert_eq!(stub.bodies(), ["first", "second", "second"]);
}

#[tokio::test]
async fn the_end_of_the_import_does_not_wait_for_pauses() {
    let busy = Reply::Answer(503, "Retry-After: 30\r\n", r#"{"detail":"busy"}"#.to_owned());
    let stub = Stub::start(move |_, _| busy.clone());
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
    let row = row("{}");
    let (verdict, ()) = tokio::join!(client.post(&row), interrupt);
    assert_eq!(refusal(verdict).0, Outcome::Failed);
    assert!(began.elapsed() < Duration::from_secs(10));
}
