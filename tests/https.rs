//! HTTPS in place of HTTP, with `TLS_CERT_FILE` and `TLS_KEY_FILE`.

use std::fs;
use std::process::Command;

use reqwest::{Version, tls};

use crate::common::http;
use crate::common::product::{ingestion_api, launch, processing_service};
use crate::common::readings::reading;
use crate::common::redis::RedisServer;
use crate::common::stored::assert_each_is_stored_once;
use crate::common::tls::{Authority, TlsFiles};
use crate::common::up::{Up, send, up, wait_until_stored};
use crate::common::wait;

#[tokio::test]
async fn readings_are_accepted_and_read_back_over_tls_1_2_and_1_3() {
    let redis = RedisServer::start().await;
    let authority = Authority::new("authority");
    let files = TlsFiles::of(&authority.service());
    let mut ids = Vec::new();
    let processing = files.secure(processing_service(&redis));
    let processing = processing.start_for(authority.http_client()).await;
    for version in [tls::Version::TLS_1_2, tls::Version::TLS_1_3] {
        let client = authority.trusting().tls_version_min(version).tls_version_max(version);
        let ingestion = files.secure(ingestion_api(&redis));
        let ingestion = ingestion.start_for(client.build().unwrap()).await;
        assert!(ingestion.base().starts_with("https://"), "{}", ingestion.base());
        ids.extend(send(&ingestion, "/readings", 3).await);
    }
    assert_each_is_stored_once(&redis, &ids).await;
    assert_eq!(processing.get("/sites/site/readings").await.status, 200);
}

#[tokio::test]
async fn clients_that_offer_http_2_get_http_1_1() {
    let redis = RedisServer::start().await;
    let authority = Authority::new("authority");
    let files = TlsFiles::of(&authority.service());
    let ingestion = files.secure(ingestion_api(&redis)).start_for(authority.http_client()).await;
    let response = ingestion.request(reqwest::Method::GET, "/livez").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_11));
}

#[tokio::test]
async fn a_plain_request_to_an_https_port_gets_a_400_that_says_so() {
    let redis = RedisServer::start().await;
    let authority = Authority::new("authority");
    let files = TlsFiles::of(&authority.service());
    let ingestion = files.secure(ingestion_api(&redis)).start_for(authority.http_client()).await;
    for request in [
        "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        format!(
            "POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: {0}\r\n\r\n{1}",
            reading("site").to_string().len(),
            reading("site")
        ),
    ] {
        let mut connection = ingestion.raw().await;
        connection.send(request).await;
        let reply = connection.reply().await;
        assert_eq!((reply.status, reply.header("connection")), (400, "close"), "{reply:?}");
        assert_eq!(reply.json()["code"], "tls_required");
        assert_eq!(reply.json()["request_id"], reply.header("x-request-id"));
    }
    assert_eq!(ingestion.counter("energy_pipeline_readings_accepted_total").await, 0);
}

#[tokio::test]
async fn up_serves_the_page_and_all_services_over_https() {
    let (directory, authority) = (tempfile::tempdir().unwrap(), Authority::new("authority"));
    let files = TlsFiles::of(&authority.service());
    let launch = files.secure(up(directory.path()));
    let up = Up::launched_for(authority.http_client(), launch, directory.path()).await;
    for (server, path) in
        [(&up.page, "/api/sites"), (&up.ingestion, "/docs"), (&up.processing, "/docs")]
    {
        assert!(server.base().starts_with("https://"), "{}", server.base());
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    let ids = send(&up.page, "/api/readings", 5).await;
    wait_until_stored(&up.processing, &ids).await;
}

#[tokio::test]
async fn healthcheck_follows_the_scheme() {
    let redis = RedisServer::start().await;
    let (authority, clients) = (Authority::new("authority"), Authority::new("clients"));
    let files = TlsFiles::of(&authority.client("another.example"));
    let ingestion = files.secure_for(&clients, ingestion_api(&redis));
    let ingestion = ingestion.start_for(authority.http_client()).await;
    let port = ingestion.base().rsplit(':').next().unwrap();
    let healthcheck = || launch(&["healthcheck", "ingestion-api"]).env("INGESTION_PORT", port);
    wait::until("it is ready, though a certificate is for another name", async || {
        files.secure(healthcheck()).run().await.status.success()
    })
    .await;
    let plain = healthcheck().run().await;
    assert_eq!(plain.status.code(), Some(1), "{plain:?}");
    assert!(plain.stderr.contains("HTTPS port"), "{plain:?}");
}

#[tokio::test]
async fn files_that_cannot_be_used_fail_the_start_and_name_their_setting() {
    let (authority, other) = (Authority::new("authority"), Authority::new("other"));
    let identity = authority.service();
    let files = TlsFiles::of(&identity);
    let encrypted = encrypted(&files);
    for (variable, content, rule) in [
        ("TLS_CERT_FILE", "", "BEGIN CERTIFICATE"),
        ("TLS_CERT_FILE", "no PEM", "BEGIN CERTIFICATE"),
        ("TLS_CERT_FILE", &identity.key, "BEGIN CERTIFICATE"),
        (
            "TLS_CERT_FILE",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "valid certificate",
        ),
        ("TLS_KEY_FILE", "", "a private key"),
        ("TLS_KEY_FILE", &identity.certificate, "a private key"),
        ("TLS_KEY_FILE", &encrypted, "not encrypted"),
        ("TLS_KEY_FILE", &other.service().key, "private key of the first certificate"),
        ("TLS_CLIENT_CA_FILE", "", "BEGIN CERTIFICATE"),
        ("TLS_CLIENT_CA_FILE", &identity.key, "BEGIN CERTIFICATE"),
    ] {
        let file = files.write("invalid", content);
        let ended =
            files.secure(launch(&["ingestion-api"])).env(variable, file.display()).run().await;
        assert_eq!(ended.status.code(), Some(2), "{variable} {ended:?}");
        assert!(ended.stderr.contains(&format!("{variable} must")), "{variable}: {}", ended.stderr);
        assert!(ended.stderr.contains(rule), "{variable} {rule}: {}", ended.stderr);
    }
    for variable in ["TLS_CERT_FILE", "TLS_KEY_FILE", "TLS_CLIENT_CA_FILE"] {
        let missing = files.secure(launch(&["up"])).env(variable, "/nowhere/file.pem");
        let ended = missing.run().await;
        assert_eq!(ended.status.code(), Some(2), "{variable} {ended:?}");
        let rule = format!("{variable} must be a file that can be read: /nowhere/file.pem");
        assert!(ended.stderr.contains(&rule), "{}", ended.stderr);
    }
}

/// An encrypted private key.
fn encrypted(files: &TlsFiles) -> String {
    let mut openssl = Command::new("openssl");
    openssl.args(["pkcs8", "-topk8", "-v2", "aes-128-cbc", "-passout", "pass:secret", "-in"]);
    let output = openssl.arg(files.path("tls.key")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_setting_that_needs_another_fails_the_start() {
    let authority = Authority::new("authority");
    let files = TlsFiles::of(&authority.service());
    for (variable, needed) in [
        ("TLS_CERT_FILE", "TLS_KEY_FILE"),
        ("TLS_KEY_FILE", "TLS_CERT_FILE"),
        ("TLS_CLIENT_CA_FILE", "TLS_CERT_FILE"),
    ] {
        let alone = launch(&["query-api"]).env(variable, files.path("tls.crt").display());
        let ended = alone.run().await;
        assert_eq!(ended.status.code(), Some(2), "{variable} {ended:?}");
        assert!(ended.stderr.contains(&format!("{variable} needs {needed}")), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn private_keys_of_all_encodings_are_accepted() {
    let redis = RedisServer::start().await;
    let (ec, rsa) = ("EC -pkeyopt ec_paramgen_curve:P-256", "RSA -pkeyopt rsa_keygen_bits:2048");
    for (kind, encoding, begin) in [
        (ec, "-traditional", "-----BEGIN EC PRIVATE KEY-----"),
        (rsa, "-traditional", "-----BEGIN RSA PRIVATE KEY-----"),
        (rsa, "", "-----BEGIN PRIVATE KEY-----"),
        ("ED25519", "", "-----BEGIN PRIVATE KEY-----"),
    ] {
        let files = TlsFiles::of(&Authority::new("unused").service());
        let script = format!(
            "openssl genpkey -algorithm {kind} -out new.key && openssl pkey -in new.key {encoding} -out tls.key \
             && openssl req -x509 -key new.key -out tls.crt -days 2 -subj /CN=localhost"
        );
        let mut shell = Command::new("sh");
        let output = shell.args(["-c", &script]).current_dir(files.path("")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(fs::read_to_string(files.path("tls.key")).unwrap().starts_with(begin), "{kind}");
        let insecure = http::builder().tls_danger_accept_invalid_certs(true);
        let ingestion = files.secure(ingestion_api(&redis));
        let ingestion = ingestion.start_for(insecure.build().unwrap()).await;
        assert_eq!(ingestion.get("/livez").await.status, 200, "{kind} {encoding}");
    }
}
