mod api_key;
mod batches;
mod retries;

use serde_json::json;

use super::*;
use crate::client::fake_service::{FakeService, Reply};
use crate::tracking::row_outcome::{FailureKind, Reason, RowFailure};

const LONG: Duration = Duration::from_mins(1);

fn client(url: &ServiceUrl, retry_for: Duration) -> Client {
    Client::new(url.clone(), None, &TlsFiles::default(), retry_for, ImportState::for_tests())
        .unwrap()
}

/// A row with a key.
fn row(body: &str) -> Row {
    let mut row = row_without_key(body);
    row.key = Some("key".to_owned());
    row
}

fn row_without_key(body: &str) -> Row {
    Row::verbatim(1, body.to_owned())
}

/// A client whose first row was accepted.
async fn connected(url: &ServiceUrl, retry_for: Duration) -> Client {
    let client = client(url, retry_for);
    assert!(is_accepted(&client.post(&row("first")).await));
    client
}

async fn post(service: &FakeService) -> RowOutcome {
    client(&service.url, LONG).post(&row("{}")).await
}

fn is_accepted(outcome: &RowOutcome) -> bool {
    matches!(outcome, RowOutcome::Accepted { .. })
}

fn failure(outcome: RowOutcome) -> (FailureKind, Vec<Reason>) {
    match outcome {
        RowOutcome::NotAccepted(RowFailure { kind, reasons, .. }) => (kind, reasons),
        other => panic!("{other:?}"),
    }
}

/// A base URL whose port is closed.
async fn closed_port() -> ServiceUrl {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    ServiceUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap()
}

#[tokio::test]
async fn created_is_accepted_and_the_connection_is_reused() {
    let service = FakeService::start(|number, _| match number {
        0 => Reply::accepted(),
        _ => {
            Reply::Respond(201, "Idempotent-Replayed: true\r\n", r#"{"status":"accepted"}"#.into())
        }
    });
    let service = service.await;
    let client = client(&service.url, LONG);
    for (body, replayed) in [("{\"a\": 1}", false), ("no json", true)] {
        let outcome = client.post(&row(body)).await;
        assert_eq!(outcome, RowOutcome::Accepted { is_replayed: Some(replayed) });
    }
    assert_eq!(service.bodies(), ["{\"a\": 1}", "no json"]);
    assert_eq!(service.keys(), [Some("key".to_owned()), Some("key".to_owned())]);
    assert_eq!(service.connections(), 1);
}

#[tokio::test]
async fn unprocessable_is_rejected_with_the_reasons_of_the_service() {
    let body = json!({ "detail": [
        { "type": "missing", "loc": ["body", "site_id"], "msg": "Field required", "input": {} },
        { "type": "json_invalid", "loc": ["body", 3], "msg": "JSON decode error",
            "ctx": { "error": "Expecting value" } },
    ]});
    let service = FakeService::start(move |_, _| Reply::Respond(422, "", body.to_string())).await;
    let (outcome, reasons) = failure(post(&service).await);
    assert_eq!(outcome, FailureKind::Rejected);
    assert_eq!(
        json!(reasons),
        json!([
            { "type": "missing", "loc": ["body", "site_id"], "msg": "Field required" },
            { "type": "json_invalid", "loc": ["body", 3], "msg": "JSON decode error",
                "ctx": { "error": "Expecting value" } },
        ])
    );
}

#[tokio::test]
async fn too_large_is_rejected_and_other_responses_are_failures_by_their_status() {
    for (status, body, outcome, kind) in [
        (413, r#"{"detail":"too large"}"#, FailureKind::Rejected, "http_413"),
        (422, "gibberish", FailureKind::Failed, "http_422"),
        (501, r#"{"detail":"too large"}"#, FailureKind::Failed, "http_501"),
        (404, "<html>", FailureKind::Failed, "http_404"),
        (308, "", FailureKind::Failed, "http_308"),
        (200, "{}", FailureKind::Failed, "http_200"),
        (201, "{}", FailureKind::Failed, "http_201"),
    ] {
        let reply = Reply::Respond(status, "Location: /\r\n", body.to_owned());
        let service = FakeService::start(move |number, _| match number {
            0 => Reply::accepted(),
            _ => reply.clone(),
        });
        let service = service.await;
        let client = connected(&service.url, LONG).await;
        let (found, reasons) = failure(client.post(&row("{}")).await);
        assert_eq!((found, reasons[0].rule.as_str()), (outcome, kind));
        assert_eq!(reasons[0].msg.contains("too large"), body.contains("too large"));
        assert_eq!(service.bodies().len(), 2, "{status} was sent again");
        assert!(!client.state.abort.is_aborted());
    }
}

/// The reason of the abort after this response to the first row, and the number of requests.
async fn abort_after(status: u16, headers: &'static str, body: &str) -> (String, usize) {
    let reply = Reply::Respond(status, headers, body.to_owned());
    let service = FakeService::start(move |_, _| reply.clone()).await;
    let client = client(&service.url, LONG);
    assert_eq!(failure(client.post(&row("{}")).await).0, FailureKind::Failed);
    let reason = client.state.abort.reason().expect("an abort").to_string();
    (reason, service.bodies().len())
}

#[tokio::test]
async fn another_service_aborts_the_import_with_its_first_response() {
    let html = "Content-Type: text/html\r\n";
    for (status, headers, body, says) in [
        (404, html, "<html>", "404 Not Found with text/html, so this is no Ingestion API"),
        (405, "", r#"{"detail":"Method Not Allowed"}"#, "405 Method Not Allowed: Method Not"),
        (200, html, "<html>", "200 OK with text/html"),
        (201, "", r#"{"id":7}"#, "201 Created, so this is no"),
        (422, "", r#"{"error":"x"}"#, "422 Unprocessable"),
        (308, "Location: http://a/api/readings\r\n", "", "try --url http://a/api"),
        (401, "", "", "requires credentials"),
        (400, html, "sent to HTTPS port", "https://?"),
    ] {
        let (reason, times) = abort_after(status, headers, body).await;
        assert!(reason.contains(says), "{reason}");
        assert_eq!(times, 1, "{status}");
    }
}

#[tokio::test]
async fn a_service_that_is_not_http_aborts_the_import() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 16]).await;
            let _ = stream.write_all(b"-ERR unknown command\r\n").await;
        }
    });
    for (scheme, says) in [("http", "no HTTP service"), ("https", "TLS fails: ")] {
        let url = ServiceUrl::parse(&format!("{scheme}://{address}")).unwrap();
        let client = client(&url, LONG);
        let _ = client.post(&row("{}")).await;
        let reason = client.state.abort.reason().expect("an abort").to_string();
        assert!(reason.starts_with(&format!("{url}: ")) && reason.contains(says), "{reason}");
    }
}
