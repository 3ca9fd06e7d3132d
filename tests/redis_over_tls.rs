//! Redis behind TLS: `rediss://`, with certificates of a private authority, and of the client where the server
//! requires one.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::files;
use crate::common::process::Process;
use crate::common::product::{Launch, ingestion_api, launch, processing_service};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, free_port, program_with_tls};
use crate::common::stored::assert_each_is_stored_once;
use crate::common::wait;

/// A server with TLS as well, and a user with a password.
struct Encrypted {
    redis: RedisServer,
    port: u16,
}

impl Encrypted {
    async fn start() -> Self {
        Self::start_with("--tls-auth-clients no").await
    }

    /// A server that requires the certificate `client.pem`.
    async fn requiring_a_certificate() -> Self {
        Self::start_with("--tls-auth-clients yes").await
    }

    async fn start_with(clients: &str) -> Self {
        let port = free_port();
        let [certificate, key, client] =
            ["localhost.pem", "localhost.key.pem", "client.pem"].map(certificate);
        let tls = format!(
            "--tls-port {port} --tls-cert-file {certificate} --tls-key-file {key} \
             --tls-ca-cert-file {client} {clients} --user app on >secret ~* +@all"
        );
        let arguments: Vec<_> = tls.split_whitespace().collect();
        Self { redis: RedisServer::start_with(&arguments).await, port }
    }

    fn for_service(&self, launch: Launch) -> Launch {
        launch.env("REDIS_URL", format!("rediss://app:secret@localhost:{}", self.port))
    }

    fn trusted_by(&self, launch: Launch) -> Launch {
        self.for_service(launch).env("REDIS_TLS_CA_FILE", certificate("localhost.pem"))
    }
}

fn certificate(name: &str) -> String {
    files::path(&format!("tests/certificates/{name}")).to_str().unwrap().to_owned()
}

#[tokio::test]
async fn readings_go_through_a_redis_with_a_certificate_of_a_private_authority() {
    let server = Encrypted::start().await;
    let ingestion = server.trusted_by(ingestion_api(&server.redis)).start().await;
    let processing = server.trusted_by(processing_service(&server.redis)).start().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        let answer = ingestion.post("/readings", reading("site").to_string()).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        ids.push(answer.json()["stream_id"].as_str().unwrap().to_owned());
    }
    assert_each_is_stored_once(&server.redis, &ids).await;
    assert_eq!(processing.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn an_untrusted_certificate_is_rejected_and_reported() {
    let server = Encrypted::start().await;
    let processing = server.for_service(processing_service(&server.redis)).start().await;
    assert_eq!(processing.get("/readyz").await.status, 503);
    wait::until("the log says why", async || processing.stderr().contains("certificate")).await;
}

fn with_client_certificate(launch: Launch) -> Launch {
    launch
        .env("REDIS_TLS_CERT_FILE", certificate("client.pem"))
        .env("REDIS_TLS_KEY_FILE", certificate("client.key.pem"))
}

#[tokio::test]
async fn readings_go_through_a_redis_that_requires_the_certificate_of_its_client() {
    let server = Encrypted::requiring_a_certificate().await;
    let set = |launch: Launch| with_client_certificate(server.trusted_by(launch));
    let ingestion = set(ingestion_api(&server.redis)).start().await;
    let _processing = set(processing_service(&server.redis)).start().await;
    let answer = ingestion.post("/readings", reading("site").to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let id = answer.json()["stream_id"].as_str().unwrap().to_owned();
    assert_each_is_stored_once(&server.redis, &[id]).await;
    let reconciled = set(launch(&["reconcile"])).run().await;
    assert_eq!(reconciled.status.code(), Some(0), "{reconciled:?}");
}

#[tokio::test]
async fn a_missing_client_certificate_is_reported() {
    let server = Encrypted::requiring_a_certificate().await;
    let ingestion = server.trusted_by(ingestion_api(&server.redis)).start().await;
    let answer = ingestion.post("/readings", reading("site").to_string()).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(ingestion.get("/readyz").await.status, 503);
    wait::until("the log says why", async || ingestion.stderr().contains("CertificateRequired"))
        .await;
}

#[tokio::test]
async fn a_renewed_client_certificate_is_used_without_a_restart() {
    let server = Encrypted::requiring_a_certificate().await;
    let directory = tempfile::tempdir().unwrap();
    let [file, key] = ["tls.crt", "tls.key"].map(|name| directory.path().join(name));
    let write = |name: &str| {
        fs::copy(certificate(&format!("{name}.pem")), &file).unwrap();
        fs::copy(certificate(&format!("{name}.key.pem")), &key).unwrap();
    };
    // The server does not trust it.
    write("localhost");
    let set = |launch: Launch| {
        let launch = server.trusted_by(launch).env("REDIS_TLS_CERT_FILE", file.display());
        launch.env("REDIS_TLS_KEY_FILE", key.display())
    };
    let ingestion = set(ingestion_api(&server.redis)).start().await;
    let processing = set(processing_service(&server.redis)).start().await;
    assert_eq!(ingestion.get("/readyz").await.status, 503);
    write("client");
    wait::until("it is ready", async || ingestion.get("/readyz").await.status == 200).await;
    let answer = ingestion.post("/readings", reading("site").to_string()).await.json();
    let id = answer["stream_id"].as_str().unwrap().to_owned();
    assert_each_is_stored_once(&server.redis, &[id]).await;
    assert_eq!(processing.counter("energy_pipeline_actor_restarts_total").await, 0);
}

#[tokio::test]
async fn a_client_certificate_that_cannot_be_used_fails_the_start() {
    let own = certificate("client.pem");
    let other_key = certificate("localhost.key.pem");
    let (url, plain) = ("rediss://localhost", "redis://localhost");
    for (url, own_file, key, expected) in [
        (url, own.as_str(), "", "REDIS_TLS_CERT_FILE needs REDIS_TLS_KEY_FILE"),
        (url, "", &other_key, "REDIS_TLS_KEY_FILE needs REDIS_TLS_CERT_FILE"),
        (url, &own, &other_key, "REDIS_TLS_CERT_FILE must contain the certificate of"),
        (url, &own, "/no/such/file", "REDIS_TLS_KEY_FILE must be a file that can be read"),
        (plain, &own, &certificate("client.key.pem"), "begins with rediss://"),
    ] {
        let launch = launch(&["query-api"]).env("REDIS_URL", url);
        let launch = launch.env("REDIS_TLS_CERT_FILE", own_file).env("REDIS_TLS_KEY_FILE", key);
        let ended = launch.run().await;
        assert_eq!(ended.status.code(), Some(2), "{expected}: {ended:?}");
        assert!(ended.stderr.contains(expected), "{expected}: {ended:?}");
    }
}

/// A Sentinel of that server, which requires the same certificate.
fn start_sentinel(server: &Encrypted, directory: &Path) -> (Process, u16) {
    let (port, file) = (free_port(), directory.join("sentinel.conf"));
    let authorities = directory.join("authorities.pem");
    let pem = ["localhost.pem", "client.pem"].map(|name| fs::read(certificate(name)).unwrap());
    fs::write(&authorities, pem.concat()).unwrap();
    let [own, key, client, client_key] =
        ["localhost.pem", "localhost.key.pem", "client.pem", "client.key.pem"].map(certificate);
    let (master, authorities) = (server.port, authorities.display());
    let configuration = format!(
        "port 0\ntls-port {port}\nbind 127.0.0.1\ntls-replication yes\ntls-auth-clients yes\n\
         tls-cert-file {own}\ntls-key-file {key}\ntls-ca-cert-file {authorities}\n\
         tls-client-cert-file {client}\ntls-client-key-file {client_key}\n\
         sentinel resolve-hostnames yes\nsentinel announce-hostnames yes\n\
         sentinel monitor energy localhost {master} 1\n"
    );
    fs::write(&file, configuration).unwrap();
    let mut command = Command::new(program_with_tls());
    (Process::start("sentinel", command.arg(file).arg("--sentinel")), port)
}

#[tokio::test]
async fn sentinels_and_master_may_require_the_certificate_of_their_client() {
    let server = Encrypted::requiring_a_certificate().await;
    let directory = tempfile::tempdir().unwrap();
    let (_sentinel, port) = start_sentinel(&server, directory.path());
    let set = |launch: Launch| {
        let url = format!("rediss+sentinel://app:secret@localhost:{port}/energy");
        with_client_certificate(server.trusted_by(launch)).env("REDIS_URL", url)
    };
    let ingestion = set(ingestion_api(&server.redis)).start().await;
    let processing = set(processing_service(&server.redis)).start().await;
    for role in [&ingestion, &processing] {
        wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
    }
    let answer = ingestion.post("/readings", reading("site").to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let id = answer.json()["stream_id"].as_str().unwrap().to_owned();
    assert_each_is_stored_once(&server.redis, &[id]).await;
}
