//! An API key is sent with each row, and a response that rejects it ends the import.

use super::*;
use crate::client::api_key::ApiKey;

fn client_with_key(url: &ServiceUrl) -> Client {
    let key = ApiKey::parse("enp_1_secret").unwrap();
    Client::new(url.clone(), Some(&key), &TlsFiles::default(), LONG, ImportState::for_tests())
        .unwrap()
}

fn rejects_key(status: u16, code: &str) -> Reply {
    let body = json!({ "detail": "no", "code": code, "request_id": "r-7" });
    Reply::Respond(status, "WWW-Authenticate: Bearer\r\n", body.to_string())
}

/// The outcome of a row that gets this reply after another was accepted, and why the import is aborted.
async fn after_an_accepted_row(reply: Reply) -> (RowFailure, String) {
    let service = FakeService::start(move |number, _| match number {
        0 => Reply::accepted(),
        _ => reply.clone(),
    });
    let service = service.await;
    let client = client_with_key(&service.url);
    assert!(is_accepted(&client.post(&row("first")).await));
    let RowOutcome::NotAccepted(failure) = client.post(&row("second")).await else {
        panic!("accepted")
    };
    assert_eq!(service.bodies(), ["first", "second"], "each is sent once");
    let reason = client.state.abort.reason().expect("an abort").to_string();
    (failure, reason)
}

#[tokio::test]
async fn each_row_is_sent_with_the_key() {
    let service = FakeService::start(|_, _| Reply::accepted()).await;
    let with_key = client_with_key(&service.url);
    for _ in 0..2 {
        assert!(is_accepted(&with_key.post(&row("{}")).await));
    }
    assert_eq!(service.authorizations(), vec![Some("Bearer enp_1_secret".to_owned()); 2]);
    assert!(is_accepted(&client(&service.url, LONG).post(&row("{}")).await));
    assert_eq!(service.authorizations()[2], None);
}

#[tokio::test]
async fn a_key_that_is_rejected_meanwhile_aborts_at_once_and_says_what_to_do() {
    for (status, code, says) in [
        (401, "api_key_missing", "give an API key by --api-key-file FILE or IMPORT_API_KEY"),
        (401, "api_key_invalid", "unknown or revoked"),
        (401, "api_key_expired", "give a new API key"),
        (403, "scope_missing", "with the scope write"),
        (403, "site_forbidden", "for the sites of the file"),
    ] {
        let (failure, reason) = after_an_accepted_row(rejects_key(status, code)).await;
        assert_eq!((failure.kind, failure.reasons[0].rule.as_str()), (FailureKind::Failed, code));
        assert_eq!(failure.request_id.as_deref(), Some("r-7"));
        assert!(reason.contains(says) && reason.contains(&format!("({code})")), "{reason}");
        assert!(!format!("{reason} {failure:?}").contains("secret"), "{reason} {failure:?}");
    }
}

#[tokio::test]
async fn nor_does_a_gateway_get_further_rows_that_it_forbids() {
    for status in [401, 403] {
        let gateway = Reply::Respond(status, "Content-Type: text/html\r\n", "<html>".to_owned());
        let (failure, reason) = after_an_accepted_row(gateway).await;
        assert_eq!(failure.reasons[0].rule, format!("http_{status}"));
        assert!(reason.contains("a gateway requires credentials"), "{reason}");
    }
}
