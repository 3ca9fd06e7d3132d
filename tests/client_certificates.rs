//! Client certificates, with `TLS_CLIENT_CA_FILE`.

use reqwest::Client;
use rustls::HandshakeKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::common::http::{Http, Reply};
use crate::common::import::{Input, figure, import, rows};
use crate::common::product::{Role, ingestion_api};
use crate::common::readings::reading;
use crate::common::redis::RedisServer;
use crate::common::tls::{Authority, TlsFiles, connect};
use crate::common::up::{Up, up};
use crate::common::wait;

const FAILED: &str = "energy_pipeline_http_server_tls_handshakes_failed_total";

/// A service whose clients need a certificate.
struct Guarded {
    _redis: RedisServer,
    authority: Authority,
    clients: Authority,
    files: TlsFiles,
    ingestion: Role,
}

impl Guarded {
    async fn start() -> Self {
        let redis = RedisServer::start().await;
        let (authority, clients) = (Authority::new("authority"), Authority::new("clients"));
        let files = TlsFiles::of(&authority.service());
        let launch = files.secure_for(&clients, ingestion_api(&redis));
        let client = authority.http_client_as(&clients.client("gateway-7.example"));
        let ingestion = launch.start_for(client).await;
        Self { _redis: redis, authority, clients, files, ingestion }
    }

    fn by(&self, client: Client) -> Http {
        Http::with(client, self.ingestion.base())
    }
}

async fn post(http: &Http) -> reqwest::Result<Reply> {
    http.try_post("/readings", reading("site").to_string()).await
}

#[tokio::test]
async fn a_client_with_a_certificate_of_the_authority_is_served() {
    let service = Guarded::start().await;
    assert_eq!(post(&service.ingestion).await.unwrap().status, 201);
    assert_eq!(service.ingestion.get("/metrics").await.status, 200);
}

#[tokio::test]
async fn without_a_certificate_only_probes_are_served() {
    let service = Guarded::start().await;
    let without = service.by(service.authority.http_client());
    for path in ["/livez", "/readyz", "/health"] {
        assert_eq!(without.get(path).await.status, 200, "{path}");
    }
    for path in ["/metrics", "/docs", "/openapi.json", "/unknown", "/livez/", "//livez"] {
        let reply = without.get(path).await;
        assert_eq!(
            (reply.status, &reply.json()["code"]),
            (403, &"client_certificate_required".into()),
            "{path}"
        );
    }
    let reply = post(&without).await.unwrap();
    assert_eq!((reply.status, &reply.json()["code"]), (403, &"client_certificate_required".into()));
    assert_eq!(service.ingestion.counter("energy_pipeline_readings_accepted_total").await, 0);
}

#[tokio::test]
async fn a_certificate_that_is_expired_or_of_another_authority_fails_the_handshake() {
    let service = Guarded::start().await;
    let other = Authority::new("clients");
    for (identity, reason) in [
        (service.clients.expired_client("gateway-7.example"), "expired"),
        (other.client("gateway-7.example"), "invalid peer certificate"),
    ] {
        let refused = service.by(service.authority.http_client_as(&identity));
        let error = post(&refused).await.expect_err("the handshake fails");
        assert!(format!("{error:?}").contains("AlertReceived"), "{error:?}");
        wait::until(reason, async || service.ingestion.stderr().contains(reason)).await;
    }
    assert_eq!(service.ingestion.counter(FAILED).await, 2);
}

/// Whether the session of a client's second connection is that of its first.
async fn resumes(connector: &TlsConnector, service: &Http) -> bool {
    let mut kind = None;
    for _ in 0..2 {
        let mut connection = connect(connector, service).await;
        let request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        connection.write_all(request).await.unwrap();
        connection.read_to_end(&mut Vec::new()).await.unwrap();
        kind = connection.get_ref().1.handshake_kind();
    }
    kind == Some(HandshakeKind::Resumed)
}

#[tokio::test]
async fn no_session_is_resumed_as_its_certificate_may_have_expired() {
    let guarded = Guarded::start().await;
    let identity = guarded.clients.client("gateway-7.example");
    let connector = guarded.authority.connector(Some(&identity));
    assert!(!resumes(&connector, &guarded.ingestion).await);
    let redis = RedisServer::start().await;
    let open = guarded.files.secure(ingestion_api(&redis));
    let open = open.start_for(guarded.authority.http_client()).await;
    assert!(resumes(&guarded.authority.connector(None), &open).await, "without certificates it is");
}

#[tokio::test]
async fn import_sends_rows_with_a_certificate_to_a_service_of_a_private_authority() {
    let service = Guarded::start().await;
    let identity = service.clients.client("importer.example");
    let authority = service.files.write("authority.pem", &service.authority.pem());
    let certificate = service.files.write("import.crt", &identity.certificate);
    let key = service.files.write("import.key", &identity.key);
    let input = Input::new("a.ndjson", rows(50));
    let import = || import(&input.file, service.ingestion.base()).arg("--retry-for").arg("0");
    let untrusted = import().run().await;
    assert_eq!(untrusted.status.code(), Some(1), "{untrusted:?}");
    assert!(untrusted.stderr.contains("certificate"), "{}", untrusted.stderr);
    let without = import().arg("--ca-file").arg(&authority).run().await;
    assert!(!without.status.success() && without.stderr.contains("--cert-file"), "{without:?}");
    let with = import().arg("--ca-file").arg(&authority);
    let ended = with.arg("--cert-file").arg(certificate).arg("--key-file").arg(&key).run().await;
    assert_eq!((ended.status.code(), figure(&ended, "accepted")), (Some(0), 50), "{ended:?}");
    let wrong = import().arg("--ca-file").arg(&key).run().await;
    assert!(wrong.stderr.contains("must have certificates of authorities"), "{}", wrong.stderr);
}

#[tokio::test]
async fn a_renewed_authority_is_used_by_new_connections() {
    let service = Guarded::start().await;
    let renewed = Authority::new("renewed");
    let client = service.authority.http_client_as(&renewed.client("gateway-8.example"));
    assert!(post(&service.by(client.clone())).await.is_err());
    service.files.write("ca.crt", &renewed.pem());
    wait::until("the renewed authority is used", async || {
        post(&service.by(client.clone())).await.is_ok_and(|reply| reply.status == 201)
    })
    .await;
}

#[tokio::test]
async fn up_prints_its_urls_though_it_requires_certificates() {
    let directory = tempfile::tempdir().unwrap();
    let (authority, clients) = (Authority::new("authority"), Authority::new("clients"));
    let files = TlsFiles::of(&authority.service());
    let launch = files.secure_for(&clients, up(directory.path()));
    let client = authority.http_client_as(&clients.client("browser.example"));
    let up = Up::launched_for(client, launch, directory.path()).await;
    assert_eq!(up.page.get("/api/sites").await.status, 200);
    let without = Http::with(authority.http_client(), up.page.base());
    assert_eq!(without.get("/").await.status, 403);
    assert_eq!(without.get("/api/sites").await.status, 403);
}
