//! Which rows are one request, and what happens to those of a batch that is not accepted as it is.

use super::*;
use crate::input::request_body;

/// A batch has a line for each row; a row alone has no line end.
fn is_batch(body: &str) -> bool {
    body.ends_with('\n')
}

/// Readings with keys.
fn readings(count: usize) -> Vec<Row> {
    let row = |number: usize| {
        let power = number.to_string();
        let body = request_body::of_fields(["site", "meter", &power, "2024-01-15"]);
        let mut row = Row::converted(number as u64 + 1, body, String::new());
        row.key = Some(format!("key-{number}"));
        row
    };
    (0..count).map(row).collect()
}

fn without_keys(mut rows: Vec<Row>) -> Vec<Row> {
    for row in &mut rows {
        row.key = None;
    }
    rows
}

fn accept(body: &str) -> Reply {
    if is_batch(body) { Reply::accepted_rows(body, 0) } else { Reply::accepted() }
}

/// Posts rows after one that was accepted.
async fn outcomes(service: &FakeService, rows: &[Row]) -> Vec<RowOutcome> {
    connected(&service.url, LONG).await.post_all(rows, 1_000).await
}

/// How many rows each request had, without the first one, which connects.
fn sizes(service: &FakeService) -> Vec<usize> {
    service.bodies().iter().skip(1).map(|body| body.lines().count()).collect()
}

#[tokio::test]
async fn readings_are_one_request_with_a_key_in_each_row_and_in_their_order() {
    let service = FakeService::start(|_, body| accept(body)).await;
    let rows = readings(3);
    let outcomes = outcomes(&service, &rows).await;
    assert!(outcomes.len() == 3 && outcomes.iter().all(is_accepted));
    let expected = [0, 1, 2].map(|number| {
        format!(
            "{{\"idempotency_key\":\"key-{number}\",\"site_id\":\"site\",\"device_id\":\"meter\",\
             \"power_reading\":\"{number}\",\"timestamp\":\"2024-01-15\"}}\n"
        )
    });
    assert_eq!(service.bodies()[1], expected.concat());
}

#[tokio::test]
async fn a_row_that_is_no_reading_is_sent_alone_as_it_is() {
    let service = FakeService::start(|_, body| accept(body)).await;
    let mut rows = readings(4);
    rows.insert(2, row("{\"a\":1"));
    assert!(outcomes(&service, &rows).await.iter().all(is_accepted));
    assert_eq!(sizes(&service), [2, 1, 2]);
    assert_eq!(service.bodies()[2], "{\"a\":1");
}

#[tokio::test]
async fn each_row_has_its_own_outcome() {
    let service = FakeService::start(|_, body| {
        if !is_batch(body) {
            return Reply::accepted();
        }
        let error =
            json!({ "type": "missing", "loc": ["body", "site_id"], "msg": "no", "input": 1 });
        let errors = json!([{ "index": 1, "line": 2, "detail": [error] }]);
        let body = json!({ "accepted": 3, "replayed": 2, "rejected": 1, "errors": errors });
        Reply::Respond(200, "", body.to_string())
    });
    let service = service.await;
    let outcomes = outcomes(&service, &readings(4)).await;
    let replayed = outcomes
        .iter()
        .filter(|outcome| **outcome == RowOutcome::Accepted { is_replayed: Some(true) });
    assert_eq!(replayed.count(), 2);
    let (kind, reasons) = failure(outcomes.into_iter().nth(1).unwrap());
    assert_eq!((kind, reasons[0].rule.as_str()), (FailureKind::Rejected, "missing"));
}

#[tokio::test]
async fn a_batch_of_which_no_row_is_valid_is_rejected_row_by_row() {
    let service = FakeService::start(|_, body| {
        if !is_batch(body) {
            return Reply::accepted();
        }
        let row =
            |index| json!({ "index": index, "line": 1, "detail": [{ "type": "t", "msg": "m" }] });
        let body = json!({
            "detail": [{ "type": "no_valid_row", "msg": "No row is valid" }], "code": "validation_failed",
            "request_id": "r", "accepted": 0, "rejected": 2, "errors": [row(0), row(1)],
        });
        Reply::Respond(422, "", body.to_string())
    });
    let service = service.await;
    for outcome in outcomes(&service, &readings(2)).await {
        let RowOutcome::NotAccepted(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!(
            (failure.kind, failure.request_id.as_deref()),
            (FailureKind::Rejected, Some("r"))
        );
    }
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_divided_and_later_ones_are_smaller() {
    for reply in [
        Reply::Respond(413, "", "<html>".to_owned()),
        Reply::Respond(
            400,
            "",
            r#"{"detail":"cut","code":"body_incomplete","request_id":"r"}"#.into(),
        ),
    ] {
        let service =
            FakeService::start(
                move |_, body| {
                    if body.lines().count() > 3 { reply.clone() } else { accept(body) }
                },
            );
        let service = service.await;
        let client = connected(&service.url, LONG).await;
        let rows = readings(12);
        for _ in 0..2 {
            assert!(client.post_all(&rows, 1_000).await.iter().all(is_accepted));
        }
        assert_eq!(sizes(&service), [12, 6, 3, 3, 6, 3, 3, 3, 3, 3, 3]);
    }
}

#[tokio::test]
async fn rows_of_a_body_that_a_gateway_has_cut_off_are_sent_again_only_with_keys() {
    let service = FakeService::start(|_, body| match body.lines().count() {
        4 => Reply::accepted_rows("a\nb\n", 0),
        _ => accept(body),
    });
    let service = service.await;
    assert!(outcomes(&service, &readings(4)).await.iter().all(is_accepted));
    assert_eq!(sizes(&service), [4, 2, 2]);
    for outcome in outcomes(&service, &without_keys(readings(4))).await {
        assert_eq!(failure(outcome).0, FailureKind::Unknown);
    }
}

/// The body of a request that is invalid as a whole.
const INVALID: &str = r#"{"accepted":0,"rejected":0,"errors":[]}"#;

#[tokio::test]
async fn a_service_without_batches_gets_each_row_alone_and_one_batch_only() {
    for status in [404, 405, 415, 422, 501] {
        let service = FakeService::start(move |_, body| {
            if is_batch(body) {
                Reply::Respond(status, "", INVALID.to_owned())
            } else {
                Reply::accepted()
            }
        });
        let service = service.await;
        let client = connected(&service.url, LONG).await;
        for _ in 0..2 {
            assert!(client.post_all(&readings(3), 1_000).await.iter().all(is_accepted), "{status}");
        }
        assert_eq!(sizes(&service), [3, 1, 1, 1, 1, 1, 1]);
        let keys = service.keys().into_iter().skip(2).take(3).map(|key| key.unwrap());
        assert!(keys.eq(["key-0", "key-1", "key-2"]));
        assert!(!client.state.abort.is_aborted());
    }
}

#[tokio::test]
async fn a_batch_is_retried_while_the_service_is_unavailable_and_after_an_unknown_outcome_only_with_keys()
 {
    for (reply, is_retried_without_keys) in [
        (Reply::unavailable(), true),
        (Reply::Respond(429, "Retry-After: 0\r\n", String::new()), true),
        (Reply::Respond(502, "", "<html>".to_owned()), false),
        (Reply::Disconnect, false),
        (
            Reply::Respond(
                503,
                "Retry-After: 0\r\n",
                r#"{"detail":"full","code":"store_full","request_id":"r","progress":{"accepted":1}}"#.into(),
            ),
            false,
        ),
    ] {
        for has_keys in [true, false] {
            let reply = reply.clone();
            let service = FakeService::start(move |number, body| match number {
                1 => reply.clone(),
                _ => accept(body),
            });
            let service = service.await;
            let rows = if has_keys { readings(3) } else { without_keys(readings(3)) };
            let outcomes = outcomes(&service, &rows).await;
            if has_keys || is_retried_without_keys {
                assert!(outcomes.iter().all(is_accepted), "{outcomes:?}");
                assert_eq!(sizes(&service), [3, 3]);
            } else {
                assert!(outcomes.into_iter().all(|it| failure(it).0 == FailureKind::Unknown));
                assert_eq!(sizes(&service), [3]);
            }
        }
    }
}

#[tokio::test]
async fn a_site_that_the_key_does_not_permit_ends_the_import() {
    let service = FakeService::start(|_, body| {
        if !is_batch(body) {
            return Reply::accepted();
        }
        let error =
            json!({ "type": "site_forbidden", "loc": ["body", "site_id"], "msg": "no site" });
        let errors = json!([{ "index": 0, "line": 1, "detail": [error] }]);
        let body = json!({ "accepted": 1, "replayed": 0, "rejected": 1, "errors": errors });
        Reply::Respond(200, "", body.to_string())
    });
    let service = service.await;
    let client = connected(&service.url, LONG).await;
    let mut outcomes = client.post_all(&readings(2), 1_000).await.into_iter();
    assert_eq!(failure(outcomes.next().unwrap()).0, FailureKind::Failed);
    assert!(is_accepted(&outcomes.next().unwrap()));
    let reason = client.state.abort.reason().expect("an abort").to_string();
    assert!(
        reason.contains("(site_forbidden)") && reason.contains("sites of the file"),
        "{reason}"
    );
}
