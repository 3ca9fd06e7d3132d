//! A renewed certificate is used without a restart.

use reqwest::Method;

use crate::common::http::{Http, Reply};
use crate::common::product::{Role, ingestion_api};
use crate::common::redis::RedisServer;
use crate::common::tls::{Authority, TlsFiles};
use crate::common::wait;

/// Whether a new connection of a client that trusts this authority alone succeeds.
async fn is_trusted(service: &Role, authority: &Authority) -> bool {
    let http = Http::with(authority.http_client(), service.base());
    let request = http.request(Method::GET, "/livez");
    Reply::try_of(request).await.is_ok_and(|reply| reply.status == 200)
}

/// The value of the metric for the setting.
async fn last_reload(service: &Role) -> String {
    let request = service.request(Method::GET, "/metrics").header("accept", "text/plain");
    let text = Reply::of(request).await.text();
    let line = "energy_pipeline_configuration_last_reload_successful{setting=\"TLS_CERT_FILE\"} ";
    let value = text.lines().find_map(|metric| metric.strip_prefix(line));
    value.unwrap_or_else(|| panic!("no {line} in {text}")).to_owned()
}

#[tokio::test]
async fn new_connections_get_a_renewed_certificate_and_open_ones_go_on() {
    let redis = RedisServer::start().await;
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let files = TlsFiles::of(&first.service());
    let ingestion = files.secure(ingestion_api(&redis)).start_for(first.http_client()).await;
    assert!(is_trusted(&ingestion, &first).await && !is_trusted(&ingestion, &second).await);
    assert_eq!(last_reload(&ingestion).await, "1");
    files.replace(&second.service());
    wait::until("the renewed certificate is used", async || is_trusted(&ingestion, &second).await)
        .await;
    assert!(!is_trusted(&ingestion, &first).await);
    // By its open connection: a new one would fail.
    assert_eq!(ingestion.get("/livez").await.status, 200);
    assert!(ingestion.stderr().contains("changed files were read again"), "{}", ingestion.stderr());
}

#[tokio::test]
async fn an_invalid_renewal_is_reported_and_the_certificate_stays_in_use() {
    let redis = RedisServer::start().await;
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let (old, new) = (first.service(), second.service());
    let files = TlsFiles::of(&old);
    let ingestion = files.secure(ingestion_api(&redis)).start_for(first.http_client()).await;
    for (content, rule) in [
        ("", "TLS_KEY_FILE must be a PEM file of a private key"),
        (new.key.as_str(), "TLS_KEY_FILE must be the private key of the first certificate"),
    ] {
        files.write("tls.key", content);
        wait::until(rule, async || ingestion.stderr().contains(rule)).await;
        assert_eq!(last_reload(&ingestion).await, "0");
        assert!(is_trusted(&ingestion, &first).await);
    }
    files.write("tls.crt", &new.certificate);
    wait::until("the pair is complete", async || is_trusted(&ingestion, &second).await).await;
    assert_eq!(last_reload(&ingestion).await, "1");
    assert!(!ingestion.stderr().contains("PRIVATE KEY"), "{}", ingestion.stderr());
}
