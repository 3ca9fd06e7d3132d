//! `energy-pipeline healthcheck`: requests `/readyz` where the service listens, and exits
//! accordingly.

use crate::common::product::{Role, ingestion_api, launch, query_api};
use crate::common::redis::{RedisServer, free_port};
use crate::common::wait;

#[tokio::test]
async fn healthcheck_exits_with_0_only_when_the_role_is_ready() {
    let redis = RedisServer::start().await;
    let away = RedisServer::prepared(&[]);
    let port = |base: &str| base.rsplit(':').next().unwrap().to_owned();
    let check = async |role: &str, variable: &str, base: &str| {
        launch(&["healthcheck", role]).env(variable, port(base)).run().await
    };
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, query_api(&redis).start().await);
    let unready = ingestion_api(&away).start().await;
    let unused = format!("http://127.0.0.1:{}", free_port());
    let ready = check("ingestion-api", "INGESTION_PORT", ingestion.base()).await;
    assert_eq!(ready.status.code(), Some(0), "{ready:?}");
    let ready = check("query-api", "PROCESSING_PORT", processing.base()).await;
    assert_eq!(ready.status.code(), Some(0), "{ready:?}");
    for base in [unready.base(), &unused] {
        let ended = check("ingestion-api", "INGESTION_PORT", base).await;
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains("not ready"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn healthcheck_without_a_role_checks_the_one_that_runs() {
    let redis = RedisServer::start().await;
    let port = |base: &str| base.rsplit(':').next().unwrap().to_owned();
    let check = async |ingestion: String, processing: String| {
        let launch = launch(&["healthcheck"]).env("INGESTION_PORT", ingestion);
        launch.env("PROCESSING_PORT", processing).run().await.status.code()
    };
    let unused = || free_port().to_string();
    let ready = ingestion_api(&redis).start().await;
    let unready = query_api(&RedisServer::prepared(&[])).start().await;
    assert_eq!(check(port(ready.base()), unused()).await, Some(0));
    assert_eq!(check(port(ready.base()), port(unready.base())).await, Some(1));
    assert_eq!(check(unused(), port(unready.base())).await, Some(1));
    assert_eq!(check(unused(), unused()).await, Some(1));
}

async fn ready(role: &Role) {
    wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
}

#[tokio::test]
async fn healthcheck_connects_where_the_service_listens() {
    let redis = RedisServer::start().await;
    for host in ["127.0.0.2", "::1", "[::1]", "localhost", "0.0.0.0", "::"] {
        let role = query_api(&redis).env("LISTEN_HOST", host).start().await;
        let port = role.base().rsplit(':').next().unwrap().to_owned();
        let check = async |host: &str| {
            let launch = launch(&["healthcheck", "query-api"]).env("PROCESSING_PORT", &port);
            launch.env("LISTEN_HOST", host).run().await
        };
        wait::until("it is ready", async || check(host).await.status.success()).await;
        let elsewhere = check("127.0.0.3").await;
        let is_everywhere = ["0.0.0.0", "::"].contains(&host);
        assert_eq!(elsewhere.status.success(), is_everywhere, "{host}: {elsewhere:?}");
    }
}

#[tokio::test]
async fn healthcheck_names_the_url_and_why_it_is_not_ready() {
    let port = free_port();
    let ended = launch(&["healthcheck", "ingestion-api"]).env("INGESTION_PORT", port).run().await;
    assert_eq!(ended.status.code(), Some(1));
    for told in [&format!("127.0.0.1:{port}"), "Connection refused"] {
        assert_eq!(ended.stderr.matches(told).count(), 1, "{}", ended.stderr);
    }
    let away = RedisServer::prepared(&[]);
    let unready = ingestion_api(&away).start().await;
    let port = unready.base().rsplit(':').next().unwrap();
    let ended = launch(&["healthcheck", "ingestion-api"]).env("INGESTION_PORT", port).run().await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("503 Service Unavailable: The store"), "{}", ended.stderr);
}

#[tokio::test]
async fn healthcheck_needs_a_fixed_port() {
    let ended = launch(&["healthcheck", "ingestion-api"]).env("INGESTION_PORT", 0).run().await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("INGESTION_PORT must be the port"), "{}", ended.stderr);
    let redis = RedisServer::start().await;
    let role = query_api(&redis).start().await;
    ready(&role).await;
    let port = role.base().rsplit(':').next().unwrap();
    let other = launch(&["healthcheck", "query-api"]).env("INGESTION_PORT", 0);
    assert_eq!(other.env("PROCESSING_PORT", port).run().await.status.code(), Some(0));
    let help = launch(&["healthcheck", "--help"]).run().await.stdout;
    assert!(!help.contains("picks a free one"), "{help}");
}
