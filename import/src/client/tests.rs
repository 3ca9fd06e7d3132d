mod retries;

use serde_json::json;

use super::*;
use crate::client::fake_service::{Reply, Stub};
use crate::tracking::row_outcome::{Outcome, Reason, Refusal};

const LONG: Duration = Duration::from_mins(1);

fn client(url: &ServiceUrl, retry_for: Duration) -> Client {
    Client::new(url.clone(), retry_for, Shared::for_tests()).unwrap()
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

/// A client that has seen that there is a service.
async fn proven(url: &ServiceUrl, retry_for: Duration) -> Client {
    let client = client(url, retry_for);
    assert!(is_accepted(&client.post(&row("first")).await));
    client
}

async fn post(stub: &Stub) -> Verdict {
    client(&stub.url, LONG).post(&row("{}")).await
}

fn is_accepted(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Accepted { .. })
}

fn refusal(verdict: Verdict) -> (Outcome, Vec<Reason>) {
    match verdict {
        Verdict::Refused(Refusal { outcome, reasons }) => (outcome, reasons),
        other => panic!("{other:?}"),
    }
}

/// A base URL where nobody listens.
async fn nowhere() -> ServiceUrl {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    ServiceUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap()
}

#[tokio::test]
async fn created_is_accepted_and_the_connection_is_used_again() {
    let stub = Stub::start(|number, _| match number {
        0 => Reply::accepted(),
        _ => Reply::Answer(201, "Idempotent-Replayed: true\r\n", r#"{"status":"accepted"}"#.into()),
    });
    let stub = stub.await;
    let client = client(&stub.url, LONG);
    for (body, replayed) in [("{\"a\": 1}", false), ("no json", true)] {
        let verdict = client.post(&row(body)).await;
        assert_eq!(verdict, Verdict::Accepted { is_replayed: Some(replayed) });
    }
    assert_eq!(stub.bodies(), ["{\"a\": 1}", "no json"]);
    assert_eq!(stub.keys(), [Some("key".to_owned()), Some("key".to_owned())]);
    assert_eq!(stub.connections(), 1);
}

#[tokio::test]
async fn unprocessable_is_rejected_with_the_reasons_of_the_service() {
    let body = json!({ "detail": [
        { "type": "missing", "loc": ["body", "site_id"], "msg": "Field required", "input": {} },
        { "type": "json_invalid", "loc": ["body", 3], "msg": "JSON decode error",
            "ctx": { "error": "Expecting value" } },
    ]});
    let stub = Stub::start(move |_, _| Reply::Answer(422, "", body.to_string())).await;
    let (outcome, reasons) = refusal(post(&stub).await);
    assert_eq!(outcome, Outcome::Rejected);
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
async fn too_large_is_rejected_and_other_answers_are_failures_by_their_status() {
    for (status, body, outcome, kind) in [
        (413, r#"{"detail":"too large"}"#, Outcome::Rejected, "http_413"),
        (422, "gibberish", Outcome::Failed, "http_422"),
        (501, r#"{"detail":"too large"}"#, Outcome::Failed, "http_501"),
        (404, "<html>", Outcome::Failed, "http_404"),
        (308, "", Outcome::Failed, "http_308"),
        (200, "{}", Outcome::Failed, "http_200"),
        (201, "{}", Outcome::Failed, "http_201"),
    ] {
        let reply = Reply::Answer(status, "Location: /\r\n", body.to_owned());
        let stub = Stub::start(move |number, _| match number {
            0 => Reply::accepted(),
            _ => reply.clone(),
        });
        let stub = stub.await;
        let client = proven(&stub.url, LONG).await;
        let (found, reasons) = refusal(client.post(&row("{}")).await);
        assert_eq!((found, reasons[0].kind.as_str()), (outcome, kind));
        assert_eq!(reasons[0].msg.contains("too large"), body.contains("too large"));
        assert_eq!(stub.bodies().len(), 2, "{status} was sent again");
        assert!(!client.shared.stop.is_stopped());
    }
}

/// Why an import ends whose first row is answered like this, and how often it was sent.
async fn end_after(status: u16, headers: &'static str, body: &str) -> (String, usize) {
    let reply = Reply::Answer(status, headers, body.to_owned());
    let stub = Stub::start(move |_, _| reply.clone()).await;
    let client = client(&stub.url, LONG);
    assert_eq!(refusal(client.post(&row("{}")).await).0, Outcome::Failed);
    let reason = client.shared.stop.reason().expect("the import ends").to_string();
    (reason, stub.bodies().len())
}

#[tokio::test]
async fn what_is_no_ingestion_api_ends_the_import_with_its_first_answer() {
    let html = "Content-Type: text/html\r\n";
    for (status, headers, body, says) in [
        (404, html, "<html>", "404 Not Found with text/html, so there is no Ingestion API"),
        (405, "", r#"{"detail":"Method Not Allowed"}"#, "405 Method Not Allowed: Method Not"),
        (200, html, "<html>", "200 OK with text/html"),
        (201, "", r#"{"id":7}"#, "201 Created, so there is no"),
        (422, "", r#"{"error":"x"}"#, "422 Unprocessable"),
        (308, "Location: http://a/api/readings\r\n", "", "try --url http://a/api"),
        (401, "", "", "wants credentials"),
        (400, html, "sent to HTTPS port", "https://?"),
    ] {
        let (reason, times) = end_after(status, headers, body).await;
        assert!(reason.contains(says), "{reason}");
        assert_eq!(times, 1, "{status}");
    }
}

#[tokio::test]
async fn what_speaks_no_http_ends_the_import() {
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
        let reason = client.shared.stop.reason().expect("the import ends").to_string();
        assert!(reason.starts_with(&format!("{url}: ")) && reason.contains(says), "{reason}");
    }
}
