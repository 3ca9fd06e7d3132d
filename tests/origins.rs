//! Requests of web pages of other origins, and requests for another host than the service's, which is how DNS
//! rebinding shows. Clients that are no browsers send neither `Origin` nor `Sec-Fetch-Site`.

use reqwest::Method;

use crate::common::http::{Http, Reply};
use crate::common::nginx::Nginx;
use crate::common::product::{Role, ingestion_api, processing_service};
use crate::common::readings::reading;
use crate::common::redis::RedisServer;
use crate::common::up::Up;

/// Where a request comes from, and by which host it reaches the service. `{own}` is the server's own host and port.
const SOURCES: [(&str, &[(&str, &str)]); 9] = [
    ("no header", &[]),
    ("same origin", &[("origin", "http://{own}"), ("sec-fetch-site", "same-origin")]),
    ("same origin, of a browser without Sec-Fetch-Site", &[("origin", "http://{own}")]),
    ("foreign Origin", &[("origin", "http://evil.example")]),
    ("Origin null", &[("origin", "null")]),
    ("cross-site", &[("sec-fetch-site", "cross-site")]),
    ("same-site", &[("origin", "http://localhost:1"), ("sec-fetch-site", "same-site")]),
    ("wrong Host", &[("host", "evil.example")]),
    (
        "DNS rebinding",
        &[
            ("host", "evil.example"),
            ("origin", "http://evil.example"),
            ("sec-fetch-site", "same-origin"),
        ],
    ),
];

/// A kind of route: its server, method and path, and its status when it is admitted.
struct Route {
    server: Server,
    method: Method,
    path: &'static str,
    admitted: u16,
}

#[derive(Debug, Clone, Copy)]
enum Server {
    Page,
    Ingestion,
    Processing,
}

fn routes() -> Vec<Route> {
    use Server::{Ingestion, Page, Processing};
    let route = |(server, method, path, admitted)| Route { server, method, path, admitted };
    let dead_letter = "/pipeline/dead-letters/5-0";
    [
        (Ingestion, Method::POST, "/readings", 201),
        (Ingestion, Method::PUT, "/readings", 405),
        (Ingestion, Method::POST, "/nowhere", 404),
        (Ingestion, Method::GET, "/livez", 200),
        (Ingestion, Method::HEAD, "/health", 200),
        (Ingestion, Method::GET, "/metrics", 200),
        (Ingestion, Method::GET, "/docs", 200),
        (Ingestion, Method::OPTIONS, "/readings", 405),
        (Processing, Method::POST, "/pipeline/dead-letters/5-0/retry", 404),
        (Processing, Method::DELETE, dead_letter, 404),
        (Processing, Method::GET, "/sites", 200),
        (Processing, Method::GET, "/pipeline/dead-letters", 200),
        (Page, Method::POST, "/api/readings", 201),
        (Page, Method::POST, "/ingestion/readings", 201),
        (Page, Method::DELETE, "/api/pipeline/dead-letters/5-0", 404),
        (Page, Method::GET, "/api/sites", 200),
        (Page, Method::POST, "/", 405),
        (Page, Method::GET, "/openapi.json", 404),
    ]
    .map(route)
    .into()
}

/// The status and the code that a route has for a source.
fn expected(source: &str, route: &Route) -> (u16, Option<&'static str>) {
    match source {
        "wrong Host" | "DNS rebinding" => (421, Some("host_not_allowed")),
        "foreign Origin" | "Origin null" | "cross-site" | "same-site"
            if !route.method.is_safe() =>
        {
            (403, Some("cross_origin_forbidden"))
        }
        _ => (route.admitted, None),
    }
}

async fn send(server: &Http, method: &Method, path: &str, headers: &[(&str, &str)]) -> Reply {
    let own = server.base().trim_start_matches("http://");
    let mut request = server.request(method.clone(), path);
    for (name, value) in headers {
        request = request.header(*name, value.replace("{own}", own));
    }
    if *method == Method::POST {
        request = request.body(reading("site").to_string());
    }
    Reply::of(request).await
}

#[tokio::test]
async fn every_kind_of_route_rejects_writes_of_other_origins_and_everything_for_other_hosts() {
    let directory = tempfile::tempdir().unwrap();
    let up = Up::start(directory.path()).await;
    for route in routes() {
        let server = match route.server {
            Server::Page => &up.page,
            Server::Ingestion => &up.ingestion,
            Server::Processing => &up.processing,
        };
        for (source, headers) in SOURCES {
            let reply = send(server, &route.method, route.path, headers).await;
            let (status, code) = expected(source, &route);
            let what = format!("{source}: {:?} {} {}", route.server, route.method, route.path);
            assert_eq!(reply.status, status, "{what}: {reply:?}");
            assert_eq!(reply.header("x-content-type-options"), "nosniff", "{what}");
            assert_eq!(reply.header("referrer-policy"), "same-origin", "{what}");
            assert!(!reply.headers.contains_key("access-control-allow-origin"), "{what}");
            if let Some(code) = code.filter(|_| route.method != Method::HEAD) {
                assert_eq!(reply.json()["code"], code, "{what}");
                assert_eq!(reply.json()["request_id"], reply.header("x-request-id"), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn local_names_of_any_port_are_hosts_of_a_service_on_loopback() {
    let redis = RedisServer::prepared(&[]);
    let ingestion = ingestion_api(&redis).start().await;
    for (host, status) in [
        ("localhost", 200),
        ("localhost:1", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("up.localhost", 200),
        ("localhost.evil.example", 421),
        ("10.0.0.1", 421),
        ("evil.example:8000", 421),
    ] {
        let reply = send(&ingestion, &Method::GET, "/livez", &[("host", host)]).await;
        assert_eq!(reply.status, status, "{host}");
    }
    let mut absolute = ingestion.raw().await;
    absolute
        .send("GET http://evil.example/livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(absolute.reply().await.status, 421);
}

#[tokio::test]
async fn elsewhere_hosts_are_free_until_they_are_listed() {
    let redis = RedisServer::prepared(&[]);
    let everywhere = || ingestion_api(&redis).env("LISTEN_HOST", "0.0.0.0");
    let free = everywhere().start().await;
    let listed = everywhere().env("ALLOWED_HOSTS", "energy.example, *.energy.example");
    let listed = listed.start().await;
    for (host, of_listed) in [
        ("energy.example:8000", 200),
        ("a.energy.example", 200),
        ("localhost", 200),
        ("10.0.0.7:8000", 200),
        ("evil.example", 421),
    ] {
        let of = async |role: &Role| send(role, &Method::GET, "/livez", &[("host", host)]).await;
        assert_eq!(of(&free).await.status, 200, "{host}");
        assert_eq!(of(&listed).await.status, of_listed, "{host}");
    }
}

#[tokio::test]
async fn a_listed_origin_may_write_and_read_and_another_may_not() {
    let redis = RedisServer::start().await;
    let origin = "https://dashboard.example";
    let ingestion = ingestion_api(&redis).env("CORS_ALLOWED_ORIGINS", origin).start().await;
    let preflight = |origin| {
        [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("sec-fetch-site", "cross-site"),
        ]
    };
    let permitted = send(&ingestion, &Method::OPTIONS, "/readings", &preflight(origin)).await;
    assert_eq!(permitted.status, 204);
    assert!(permitted.header("access-control-allow-methods").contains("POST"));
    assert!(permitted.header("access-control-allow-headers").contains("Idempotency-Key"));
    assert!(!permitted.header("x-request-id").is_empty());
    let sent = [("origin", origin), ("sec-fetch-site", "cross-site")];
    let written = send(&ingestion, &Method::POST, "/readings", &sent).await;
    assert_eq!(written.status, 201);
    for reply in [&permitted, &written] {
        assert_eq!(reply.header("access-control-allow-origin"), origin);
        assert_eq!(reply.header("vary"), "Origin");
        assert!(!reply.headers.contains_key("access-control-allow-credentials"));
    }
    let other = "https://evil.example";
    for (method, headers, status) in [
        (Method::OPTIONS, &preflight(other)[..], 405),
        (Method::POST, &[("origin", other), ("sec-fetch-site", "cross-site")], 403),
        (Method::POST, &[("origin", "https://dashboard.example:8443")], 403),
    ] {
        let reply = send(&ingestion, &method, "/readings", headers).await;
        assert_eq!(reply.status, status, "{headers:?}");
        assert!(!reply.headers.contains_key("access-control-allow-origin"), "{headers:?}");
        assert_eq!(reply.header("vary"), "Origin");
    }
}

#[tokio::test]
async fn behind_the_pages_nginx_the_origin_is_compared_with_the_host_of_nginx() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let processing = processing_service(&redis).start().await;
    let nginx = Nginx::before(ingestion.base(), processing.base()).await;
    let page = Http::at(nginx.api().trim_end_matches("/api"));
    for (source, headers) in SOURCES {
        let route = |method, path, admitted| Route { server: Server::Page, method, path, admitted };
        for route in [
            route(Method::POST, "/api/readings", 201),
            route(Method::POST, "/ingestion/readings", 201),
            route(Method::DELETE, "/api/pipeline/dead-letters/5-0", 404),
            route(Method::GET, "/api/sites", 200),
        ] {
            let reply = send(&page, &route.method, route.path, headers).await;
            let (status, code) = expected(source, &route);
            assert_eq!(reply.status, status, "{source}: {} {reply:?}", route.path);
            if let Some(code) = code {
                assert_eq!(reply.json()["code"], code, "{source}: {}", route.path);
            }
        }
    }
}

#[tokio::test]
async fn rejected_requests_are_counted_by_reason_and_logged_once_a_second() {
    let redis = RedisServer::prepared(&[]);
    let ingestion = ingestion_api(&redis).start().await;
    for _ in 0..20 {
        for headers in [[("origin", "http://evil.example")], [("sec-fetch-site", "cross-site")]] {
            assert_eq!(send(&ingestion, &Method::POST, "/readings", &headers).await.status, 403);
        }
        let headers = [("host", "evil.example")];
        assert_eq!(send(&ingestion, &Method::GET, "/livez", &headers).await.status, 421);
    }
    let request = ingestion.request(Method::GET, "/metrics").header("accept", "text/plain");
    let metrics = Reply::of(request).await.text();
    for reason in ["foreign_origin", "cross_site", "foreign_host"] {
        let line = format!(
            "energy_pipeline_http_server_requests_rejected_total{{reason=\"{reason}\"}} 20"
        );
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
    let log = ingestion.stderr();
    let lines = log.matches("a request of another origin or for another host was rejected").count();
    assert!((1..20).contains(&lines), "{log}");
}

#[tokio::test]
async fn the_documentation_runs_only_what_is_in_it_and_is_in_no_frame() {
    let redis = RedisServer::prepared(&[]);
    let ingestion = ingestion_api(&redis).start().await;
    let docs = ingestion.get("/docs").await;
    let policy = docs.header("content-security-policy");
    for directive in ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(policy.matches("'sha256-").count(), 4, "{policy}");
}
