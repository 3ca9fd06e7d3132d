//! Requests need an API key with the scope of their operation as soon as there is a file of keys: every kind of route,
//! with and without each kind of key, against `up` and behind the page's prefix.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::common::http::{Http, Reply};
use crate::common::keys::{KeysFile, secret_of};
use crate::common::product::{Role, ingestion_api};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, STREAM};
use crate::common::up::{Up, up};

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    NoKey,
    Key(&'static str),
}

#[derive(Debug, Clone, Copy)]
enum Server {
    Page,
    Ingestion,
    Processing,
}

/// A kind of route: its server, method and path, what it needs, and its status when it is admitted.
struct Route(Server, Method, &'static str, Needs, u16);

fn routes() -> Vec<Route> {
    use Needs::{Key, NoKey};
    use Server::{Ingestion, Page, Processing};
    let (write, read, operate) = (Key("write"), Key("read"), Key("operate"));
    vec![
        Route(Ingestion, Method::POST, "/readings", write, 201),
        Route(Page, Method::POST, "/api/readings", write, 201),
        Route(Page, Method::POST, "/ingestion/readings", write, 201),
        Route(Ingestion, Method::POST, "/%72eadings", write, 201),
        Route(Ingestion, Method::POST, "/readings/", write, 201),
        Route(Ingestion, Method::POST, "/readings/batch", write, 422),
        Route(Ingestion, Method::PUT, "/readings", operate, 405),
        Route(Processing, Method::GET, "/sites", read, 200),
        Route(Processing, Method::HEAD, "/sites", read, 200),
        Route(Processing, Method::GET, "/sites/site/readings", read, 200),
        Route(Page, Method::GET, "/api/sites/site/readings", read, 200),
        Route(Processing, Method::GET, "/sites/site/aggregates", read, 200),
        Route(Page, Method::GET, "/api/sites/site/aggregates", read, 200),
        Route(Processing, Method::GET, "/sites/site/energy", read, 200),
        Route(Page, Method::GET, "/api/sites/site/energy", read, 200),
        Route(Processing, Method::GET, "/sites/none", read, 404),
        Route(Processing, Method::GET, "/sites/none/devices", read, 404),
        Route(Processing, Method::GET, "/sites/none/latest", read, 404),
        Route(Page, Method::GET, "/api/sites/none/latest", read, 404),
        Route(Processing, Method::HEAD, "/sites/site/events", read, 200),
        Route(Page, Method::HEAD, "/api/sites/site/events", read, 200),
        Route(Processing, Method::DELETE, "/sites/site/readings", operate, 422),
        Route(Processing, Method::DELETE, "/sites/site/readings/5-0", operate, 404),
        Route(Page, Method::DELETE, "/api/sites/site/readings/5-0", operate, 404),
        Route(Processing, Method::GET, "/pipeline", operate, 200),
        Route(Page, Method::GET, "/api/pipeline", operate, 200),
        Route(Processing, Method::GET, "/pipeline/dead-letters", operate, 200),
        Route(Processing, Method::POST, "/pipeline/dead-letters/5-0/retry", operate, 404),
        Route(Processing, Method::DELETE, "/pipeline/dead-letters/5-0", operate, 404),
        Route(Page, Method::DELETE, "/api/pipeline/dead-letters/5-0", operate, 404),
        Route(Processing, Method::GET, "/metrics", operate, 200),
        Route(Ingestion, Method::GET, "/metrics", operate, 200),
        Route(Page, Method::GET, "/api/nowhere", operate, 404),
        Route(Processing, Method::OPTIONS, "/sites", operate, 405),
        Route(Processing, Method::POST, "/health", operate, 405),
        Route(Processing, Method::GET, "/nowhere", operate, 404),
        Route(Processing, Method::GET, "/health", NoKey, 200),
        Route(Processing, Method::GET, "/livez", NoKey, 200),
        Route(Ingestion, Method::HEAD, "/readyz", NoKey, 200),
        Route(Page, Method::GET, "/api/health", NoKey, 200),
        Route(Processing, Method::GET, "/docs", NoKey, 200),
        Route(Ingestion, Method::GET, "/openapi.json", NoKey, 200),
    ]
}

fn request(up: &Up, Route(server, method, path, ..): &Route) -> RequestBuilder {
    let server = match server {
        Server::Page => &up.page,
        Server::Ingestion => &up.ingestion,
        Server::Processing => &up.processing,
    };
    let request = server.request(method.clone(), path);
    if *method == Method::POST { request.body(reading("site").to_string()) } else { request }
}

/// The status of a reply, and the code of its error.
fn outcome(reply: &Reply) -> (u16, String) {
    let has_body = reply.status >= 400 && !reply.body.is_empty();
    let code =
        if has_body { reply.json()["code"].as_str().unwrap().to_owned() } else { String::new() };
    (reply.status, code)
}

async fn up_with_keys(directory: &std::path::Path, keys: &KeysFile) -> Up {
    let launch = up(directory).env("API_KEYS_FILE", keys.path().display()).env("RUST_LOG", "debug");
    Up::launched(launch, directory).await
}

#[tokio::test]
async fn every_route_needs_its_scope_and_no_other_key_is_enough() {
    let directory = tempfile::tempdir().unwrap();
    let (keys, [write, read, operate]) = KeysFile::with_scopes(["write", "read", "operate"]).await;
    let all = ["--scope", "write,read,operate"];
    let expired =
        keys.create(&[&["--name", "expired", "--expires", "1d"][..], &all].concat()).await;
    let revoked = keys.create(&[&["--name", "revoked"][..], &all].concat()).await;
    keys.change("expired", "expires", json!("2020-01-01T00:00:00Z"));
    assert!(keys.revoke("revoked").await.status.success());
    let wrong =
        format!("{}{}", &write[..write.len() - 1], if write.ends_with('A') { 'Q' } else { 'A' });
    let up = up_with_keys(directory.path(), &keys).await;
    let bearer = |key: &str| Some(format!("Bearer {key}"));
    let callers = [
        ("no key", None, "api_key_missing"),
        ("write", bearer(&write), "scope_missing"),
        ("read", bearer(&read), "scope_missing"),
        ("operate", bearer(&operate), "scope_missing"),
        ("wrong secret", bearer(&wrong), "api_key_invalid"),
        ("expired", bearer(&expired), "api_key_expired"),
        ("revoked", bearer(&revoked), "api_key_invalid"),
        ("another scheme", Some(format!("Basic {write}")), "api_key_invalid"),
        ("empty header", Some(String::new()), "api_key_invalid"),
    ];
    for route in routes() {
        for (caller, authorization, code) in &callers {
            let request = request(&up, &route);
            let request = match authorization {
                Some(value) => request.header("authorization", value),
                None => request,
            };
            let reply = Reply::of(request).await;
            let Route(_, method, path, needs, admitted) = &route;
            let is_admitted = *needs == Needs::NoKey || *needs == Needs::Key(caller);
            let what = format!("{method} {path} with {caller}: {reply:?}");
            if is_admitted {
                assert_eq!(reply.status, *admitted, "{what}");
                continue;
            }
            let status = if *code == "scope_missing" { 403 } else { 401 };
            assert_eq!(reply.status, status, "{what}");
            assert!(reply.header("www-authenticate").starts_with("Bearer"), "{what}");
            if *method != Method::HEAD {
                assert_eq!(outcome(&reply), (status, (*code).to_owned()), "{what}");
                assert_eq!(reply.json()["request_id"], reply.header("x-request-id"), "{what}");
            }
        }
    }
    let log = up.process.stderr();
    for token in [&write, &read, &operate, &expired, &revoked, &wrong] {
        assert!(!log.contains(secret_of(token)), "a key is in the log");
    }
    assert!(log.contains("a request without a sufficient API key was rejected"), "{log}");
}

#[tokio::test]
async fn a_key_does_not_admit_pages_of_other_origins_or_another_host() {
    let directory = tempfile::tempdir().unwrap();
    let (keys, [write, operate]) = KeysFile::with_scopes(["write", "operate"]).await;
    let up = up_with_keys(directory.path(), &keys).await;
    for route in routes() {
        let Route(_, method, path, needs, _) = &route;
        let key = if *needs == Needs::Key("write") { &write } else { &operate };
        let foreign = request(&up, &route).header("sec-fetch-site", "cross-site");
        let reply = Reply::of(foreign.bearer_auth(key)).await;
        if [Method::POST, Method::PUT, Method::DELETE].contains(method) {
            assert_eq!(outcome(&reply), (403, "cross_origin_forbidden".to_owned()), "{path}");
        }
        let rebound = request(&up, &route).header("host", "evil.example").bearer_auth(key);
        assert_eq!(Reply::of(rebound).await.status, 421, "{method} {path}");
    }
}

#[tokio::test]
async fn a_preflight_needs_no_key_as_browsers_send_none_with_it() {
    let redis = RedisServer::start().await;
    let (keys, [_write]) = KeysFile::with_scopes(["write"]).await;
    let origin = "https://dashboard.example";
    let launch = ingestion_api(&redis).env("API_KEYS_FILE", keys.path().display());
    let service = launch.env("CORS_ALLOWED_ORIGINS", origin).start().await;
    let preflight = async |from: &str| {
        let request = service.request(Method::OPTIONS, "/readings").header("origin", from);
        let request = request.header("access-control-request-method", "POST");
        Reply::of(request.header("access-control-request-headers", "authorization")).await
    };
    let permitted = preflight(origin).await;
    assert_eq!(permitted.status, 204, "{permitted:?}");
    assert!(permitted.header("access-control-allow-headers").contains("Authorization"));
    assert_eq!(outcome(&preflight("https://evil.example").await).0, 401);
    let request = service.request(Method::POST, "/readings").header("origin", origin);
    let rejected = Reply::of(request).await;
    assert_eq!(outcome(&rejected), (401, "api_key_missing".to_owned()));
    assert_eq!(rejected.header("access-control-allow-origin"), origin, "a page can read why");
    let exposed = rejected.header("access-control-expose-headers");
    assert!(exposed.contains("WWW-Authenticate"), "{exposed}");
}

async fn post(service: &Http, authorization: &[&str]) -> Reply {
    let request = service.request(Method::POST, "/readings").body(reading("site").to_string());
    let request = authorization
        .iter()
        .fold(request, |request, value| request.header("authorization", *value));
    Reply::of(request).await
}

async fn ingestion_with(keys: &KeysFile, redis: &RedisServer) -> Role {
    ingestion_api(redis).env("API_KEYS_FILE", keys.path().display()).start().await
}

#[tokio::test]
async fn a_key_is_accepted_as_bearer_and_as_token_and_once_only() {
    let redis = RedisServer::start().await;
    let (keys, [write]) = KeysFile::with_scopes(["write"]).await;
    let service = ingestion_with(&keys, &redis).await;
    let bearer = format!("Bearer {write}");
    for admitted in
        [&bearer, &format!("bearer {write}"), &format!("Token {write}"), &format!("TOKEN  {write}")]
    {
        assert_eq!(post(&service, &[admitted]).await.status, 201, "{}", &admitted[..7]);
    }
    let reply = post(&service, &[&bearer, &bearer]).await;
    assert_eq!(outcome(&reply), (401, "api_key_invalid".to_owned()));
    assert_eq!(reply.header("www-authenticate"), r#"Bearer error="invalid_token""#);
    assert_eq!(post(&service, &[]).await.header("www-authenticate"), "Bearer");
    let entries: u64 = redis.run(&["XLEN", STREAM]).await;
    assert_eq!(entries, 4, "nothing else was stored");
}

#[tokio::test]
async fn requests_are_counted_by_the_name_of_their_key() {
    let redis = RedisServer::start().await;
    let (keys, [write, operate]) = KeysFile::with_scopes(["write", "operate"]).await;
    let service = ingestion_with(&keys, &redis).await;
    for authorization in [&write, &write, &operate] {
        post(&service, &[&format!("Bearer {authorization}")]).await;
    }
    post(&service, &[]).await;
    let request = service.request(Method::GET, "/metrics").header("accept", "text/plain");
    let text = Reply::of(request.bearer_auth(&operate)).await.text();
    for (name, labels, count) in [
        ("requests_by_key", r#"key="write",outcome="authorized""#, 2),
        ("requests_by_key", r#"key="write",outcome="scope_missing""#, 0),
        ("requests_by_key", r#"key="operate",outcome="scope_missing""#, 1),
        ("requests_rejected", r#"reason="scope_missing""#, 1),
        ("requests_rejected", r#"reason="api_key_missing""#, 1),
    ] {
        let line = format!("energy_pipeline_http_server_{name}_total{{{labels}}} {count}");
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
}

#[tokio::test]
async fn without_a_file_of_keys_nothing_needs_one_and_a_header_is_ignored() {
    let redis = RedisServer::start().await;
    let service = ingestion_api(&redis).start().await;
    for authorization in [&[][..], &["Bearer x"], &["Basic eA=="]] {
        assert_eq!(post(&service, authorization).await.status, 201, "{authorization:?}");
    }
    assert!(!service.stderr().contains("API_KEYS_FILE"), "{}", service.stderr());
}

#[tokio::test]
async fn the_example_that_up_prints_has_a_key_only_where_one_is_needed() {
    const HEADER: &str = r#"/readings -H "Authorization: Bearer $API_KEY""#;
    let directory = tempfile::tempdir().unwrap();
    let keys = KeysFile::with_scopes(["write"]).await.0;
    let with_keys = up_with_keys(directory.path(), &keys).await;
    let lines = with_keys.process.stdout();
    assert_eq!(lines.matches(HEADER).count(), 2, "{lines}");
    drop(with_keys);
    let without = Up::start(directory.path()).await;
    assert!(!without.process.stdout().contains("Authorization"));
}
