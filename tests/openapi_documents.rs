//! The committed OpenAPI documents, from which the page's types are generated, are those of the
//! program.

use reqwest::Method;

use crate::common::files;
use crate::common::http::{Http, Reply};
use crate::common::product::{ingestion_api, launch, processing_service, query_api};
use crate::common::redis::RedisServer;

fn committed(role: &str) -> String {
    files::text(&format!("openapi/{role}.json"))
}

async fn served(server: &Http) -> String {
    server.get("/openapi.json").await.text()
}

#[tokio::test]
async fn the_committed_documents_are_those_that_the_program_prints() {
    for role in ["ingestion-api", "processing-service"] {
        let printed = launch(&["openapi", role]).run().await;
        assert_eq!(printed.status.code(), Some(0), "{printed:?}");
        assert!(
            printed.stdout == committed(role),
            "openapi/{role}.json is not what the program documents: run `make openapi` and commit it"
        );
    }
}

#[tokio::test]
async fn the_committed_documents_are_those_that_the_services_serve() {
    let redis = RedisServer::prepared(&[]);
    let ingestion = ingestion_api(&redis).start().await;
    assert_eq!(served(&ingestion).await, committed("ingestion-api"), "run `make openapi`");
    for launch in [processing_service(&redis), query_api(&redis)] {
        let role = launch.start().await;
        assert_eq!(served(&role).await, committed("processing-service"), "run `make openapi`");
    }
}

#[tokio::test]
async fn the_documentation_loads_nothing_from_other_hosts() {
    let redis = RedisServer::prepared(&[]);
    let ingestion = ingestion_api(&redis).start().await;
    let page = ingestion.get("/docs").await;
    assert!(page.header("content-type").starts_with("text/html"), "{:?}", page.headers);
    let text = page.text();
    for elsewhere in ["src=\"http", "href=\"http", "src=\"//", "href=\"//"] {
        assert!(!text.contains(elsewhere), "the page loads {elsewhere}…");
    }
}

#[tokio::test]
async fn the_documentation_is_sent_once_and_revalidated_after() {
    let redis = RedisServer::prepared(&[]);
    let ingestion = ingestion_api(&redis).start().await;
    let page = ingestion.get("/docs").await;
    assert_eq!(page.header("cache-control"), "no-cache");
    let tag = page.header("etag");
    assert!(tag.starts_with("W/\"") && tag.ends_with('"'), "{tag}");
    let again = ingestion.request(Method::GET, "/docs").header("if-none-match", tag);
    let again = Reply::of(again).await;
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, tag));
    let other = ingestion.request(Method::GET, "/docs").header("if-none-match", "\"other\"");
    assert_eq!(Reply::of(other).await.status, 200);
}
