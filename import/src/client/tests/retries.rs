//! Which rows are retried.

use std::time::Instant as WallClock;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::tracking::abort::Abort;

#[tokio::test]
async fn an_unavailable_service_is_retried_until_it_is_available() {
    let service = FakeService::start(|number, _| match number {
        0..3 => Reply::unavailable(),
        _ => Reply::accepted(),
    });
    let service = service.await;
    assert!(is_accepted(&post(&service).await));
    assert_eq!(service.bodies().len(), 4);
}

#[tokio::test]
async fn retry_after_is_respected() {
    let service = FakeService::start(|number, _| match number {
        0 => Reply::Respond(503, "Retry-After: 1\r\n", String::new()),
        _ => Reply::accepted(),
    });
    let (service, began) = (service.await, WallClock::now());
    assert!(is_accepted(&post(&service).await));
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn retry_after_is_cut_so_that_the_last_attempt_is_at_the_deadline() {
    let service = FakeService::start(|_, _| {
        let body = r#"{"detail":"Redis is starting or busy","code":"store_busy","request_id":"r"}"#
            .to_owned();
        Reply::Respond(503, "Retry-After: 3600\r\n", body)
    });
    let (service, began) = (service.await, WallClock::now());
    let outcome = client(&service.url, Duration::from_secs(1)).post(&row("{}")).await;
    let (outcome, reasons) = failure(outcome);
    assert_eq!((outcome, reasons[0].rule.as_str()), (FailureKind::Failed, "unavailable"));
    assert!(reasons[0].msg.contains("starting or busy"), "{reasons:?}");
    assert_eq!(service.bodies().len(), 2);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn with_retry_for_zero_a_row_is_sent_once() {
    let service = FakeService::start(|_, _| Reply::unavailable()).await;
    let outcome = client(&service.url, Duration::ZERO).post(&row("{}")).await;
    assert_eq!(failure(outcome).0, FailureKind::Failed);
    assert_eq!(service.bodies().len(), 1);
}

#[tokio::test]
async fn a_row_is_retried_until_the_port_is_open() {
    let url = closed_port().await;
    let address = url.readings().socket_addrs(|| None).unwrap()[0];
    let client = client(&url, LONG);
    let listen = async {
        sleep(Duration::from_millis(300)).await;
        tokio::net::TcpListener::bind(address).await.unwrap().accept().await.unwrap()
    };
    let row = row("{}");
    tokio::select! {
        (stream, _) = listen => drop(stream),
        outcome = client.post(&row) => panic!("gave up: {outcome:?}"),
    }
}

#[tokio::test]
async fn an_unreachable_service_aborts_the_import() {
    let state = ImportState::for_tests();
    let (url, retry_for) = (closed_port().await, Duration::from_millis(300));
    let client =
        Client::new(url.clone(), None, &TlsFiles::default(), retry_for, state.clone()).unwrap();
    let (outcome, reasons) = failure(client.post(&row("{}")).await);
    assert_eq!(outcome, FailureKind::Failed);
    assert!(reasons[0].msg.starts_with(&format!("{url} cannot be reached: ")), "{reasons:?}");
    assert!(state.abort.is_aborted());
}

/// A response of a gateway.
fn gateway(status: u16) -> Reply {
    Reply::Respond(status, "Content-Type: text/html\r\n", "<html>".to_owned())
}

/// A 503 with this error body.
fn unavailable(body: &serde_json::Value) -> Reply {
    Reply::Respond(503, "Retry-After: 0\r\n", body.to_string())
}

/// Replies after which the row may have been accepted.
fn ambiguous_replies() -> Vec<Reply> {
    let incomplete = Reply::Respond(201, "Content-Length: 1000\r\n", String::new());
    let mut replies = vec![
        Reply::Disconnect,
        incomplete,
        unavailable(&json!({ "detail": "x", "code": "outcome_unknown", "request_id": "r" })),
        // Of a service of an older release, and of a gateway with codes of its own.
        unavailable(&json!({ "detail": "The store cannot be reached" })),
        unavailable(&json!({ "detail": "upstream reset", "code": "upstream_reset" })),
        unavailable(&json!({ "detail": "upstream reset", "code": 503, "request_id": "r" })),
    ];
    replies.extend([500, 502, 503, 504, 520].map(gateway));
    replies
}

#[tokio::test]
async fn the_code_of_a_503_tells_whether_the_row_may_have_been_accepted() {
    // The sentence says the opposite of the code each time: only the code counts.
    for (detail, code, kind) in [
        ("it may have taken the request", "store_unreachable", FailureKind::Failed),
        ("it may have taken the request", "a_code_of_a_later_release", FailureKind::Failed),
        ("nothing was changed", "outcome_unknown", FailureKind::Unknown),
    ] {
        let reply = unavailable(&json!({ "detail": detail, "code": code, "request_id": "r-7" }));
        let service = FakeService::start(move |_, _| reply.clone()).await;
        let outcome = client(&service.url, Duration::ZERO).post(&row("{}")).await;
        let RowOutcome::NotAccepted(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!((failure.kind, failure.request_id.as_deref()), (kind, Some("r-7")), "{code}");
    }
}

#[tokio::test]
async fn a_row_that_may_have_been_accepted_is_retried_with_its_key() {
    for reply in ambiguous_replies() {
        let service = FakeService::start(move |number, _| match number {
            1..3 => reply.clone(),
            _ => Reply::accepted(),
        });
        let service = service.await;
        let client = connected(&service.url, LONG).await;
        assert!(is_accepted(&client.post(&row("second")).await));
        assert_eq!(service.bodies(), ["first", "second", "second", "second"]);
        assert!(service.keys().iter().all(|key| key.as_deref() == Some("key")));
    }
}

#[tokio::test]
async fn a_row_that_may_have_been_accepted_never_counts_as_failed() {
    for reply in ambiguous_replies() {
        let last = reply.clone();
        let service = FakeService::start(move |_, _| last.clone()).await;
        let outcome = client(&service.url, Duration::from_millis(200)).post(&row("{}")).await;
        let (outcome, reasons) = failure(outcome);
        assert_eq!((outcome, reasons[0].rule.as_str()), (FailureKind::Unknown, "outcome_unknown"));

        let service = FakeService::start(move |number, _| match number {
            0 => Reply::accepted(),
            1 => reply.clone(),
            2 => Reply::unavailable(),
            _ => Reply::Respond(404, "", String::new()),
        });
        let client = connected(&service.await.url, LONG).await;
        assert_eq!(failure(client.post(&row("{}")).await).0, FailureKind::Unknown);
    }
}

#[tokio::test]
async fn a_row_that_was_not_processed_counts_as_failed_not_as_unknown() {
    for (status, headers) in [(429, "Retry-After: 0\r\n"), (408, ""), (425, "")] {
        let reply = Reply::Respond(status, headers, String::new());
        let service = FakeService::start(move |_, _| reply.clone()).await;
        let outcome = client(&service.url, Duration::from_millis(200)).post(&row("{}")).await;
        assert_eq!(failure(outcome).0, FailureKind::Failed, "{status}");
        assert!(service.bodies().len() > 1);
    }
}

#[tokio::test]
async fn a_row_without_a_key_that_may_have_been_accepted_is_not_retried() {
    for reply in ambiguous_replies() {
        let service = FakeService::start(move |number, _| match number {
            0 => Reply::accepted(),
            _ => reply.clone(),
        });
        let service = service.await;
        let client = connected(&service.url, LONG).await;
        let (outcome, _) = failure(client.post(&row_without_key("second")).await);
        assert_eq!((outcome, service.bodies().len()), (FailureKind::Unknown, 2));
        assert!(!client.state.abort.is_aborted());
    }
}

#[tokio::test]
async fn nor_is_a_row_with_a_key_if_the_service_does_not_support_keys() {
    let service = FakeService::start(|number, _| match number {
        0 => Reply::accepted_without_key(),
        _ => gateway(502),
    });
    let service = service.await;
    let client = connected(&service.url, LONG).await;
    assert_eq!(failure(client.post(&row("second")).await).0, FailureKind::Unknown);
    assert_eq!(service.bodies(), ["first", "second"]);
}

#[tokio::test]
async fn a_retry_after_holds_back_all_rows() {
    let began = WallClock::now();
    let service = FakeService::start(move |number, _| match number {
        1 => Reply::Respond(429, "Retry-After: 1\r\n", String::new()),
        0 => Reply::accepted(),
        _ if began.elapsed() < Duration::from_secs(1) => panic!("too early"),
        _ => Reply::accepted(),
    });
    let service = service.await;
    let client = std::sync::Arc::new(connected(&service.url, LONG).await);
    let mut rows = tokio::task::JoinSet::new();
    let limited = std::sync::Arc::clone(&client);
    rows.spawn(async move { limited.post(&row("{}")).await });
    while service.bodies().len() < 2 {
        sleep(Duration::from_millis(1)).await;
    }
    sleep(Duration::from_millis(100)).await;
    for _ in 0..8 {
        let client = std::sync::Arc::clone(&client);
        rows.spawn(async move { client.post(&row("{}")).await });
    }
    assert!(rows.join_all().await.iter().all(is_accepted));
    assert_eq!(service.bodies().len(), 11);
}

/// The number of rows in flight after a broken connection, which a success followed if the breaker is closed.
async fn in_flight_after_a_failure(is_closed: bool) -> usize {
    let service = FakeService::start(move |number, _| match number {
        0 => Reply::Disconnect,
        1 if is_closed => Reply::accepted(),
        _ => Reply::Hang,
    });
    let service = service.await;
    let client = std::sync::Arc::new(client(&service.url, LONG));
    for _ in 0..=usize::from(is_closed) {
        client.post(&row_without_key("first")).await;
    }
    let before = service.bodies().len();
    let mut rows = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let client = std::sync::Arc::clone(&client);
        rows.spawn(async move { client.post(&row("{}")).await });
    }
    sleep(Duration::from_millis(500)).await;
    service.bodies().len() - before
}

#[tokio::test]
async fn while_the_breaker_is_open_one_row_at_a_time_is_sent() {
    assert_eq!(in_flight_after_a_failure(false).await, 1);
    assert_eq!(in_flight_after_a_failure(true).await, 8);
}

#[tokio::test]
async fn a_row_that_was_not_sent_before_the_abort_has_no_outcome() {
    let service = FakeService::start(|number, _| match number {
        0 => Reply::accepted(),
        1 => gateway(502),
        _ => Reply::Hang,
    });
    let service = service.await;
    let client = connected(&service.url, LONG).await;
    let (second, third) = (row("second"), row("third"));
    let end = async {
        while service.bodies().len() < 3 {
            tokio::task::yield_now().await;
        }
        let ending = async { client.state.abort.trigger(anyhow!("an abort")) };
        tokio::join!(client.post(&third), ending).0
    };
    let third = tokio::select! {
        _ = client.post(&second) => panic!("a response"),
        third = end => third,
    };
    assert_eq!(third, RowOutcome::NotSent);
    assert_eq!(service.bodies(), ["first", "second", "second"]);
}

#[tokio::test]
async fn an_abort_does_not_wait_for_pauses() {
    let busy = Reply::Respond(
        503,
        "Retry-After: 30\r\n",
        r#"{"detail":"busy","code":"store_busy","request_id":"r"}"#.to_owned(),
    );
    let service = FakeService::start(move |_, _| busy.clone());
    let (service, interrupted) = (service.await, CancellationToken::new());
    let state =
        ImportState { abort: Abort::linked_to(&interrupted).into(), ..ImportState::for_tests() };
    let client = Client::new(service.url.clone(), None, &TlsFiles::default(), LONG, state).unwrap();
    let interrupt = async {
        while service.bodies().is_empty() {
            tokio::task::yield_now().await;
        }
        interrupted.cancel();
    };
    let began = WallClock::now();
    let row = row("{}");
    let (outcome, ()) = tokio::join!(client.post(&row), interrupt);
    assert_eq!(failure(outcome).0, FailureKind::Failed);
    assert!(began.elapsed() < Duration::from_secs(10));
}
