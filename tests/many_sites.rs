//! Thousands of sites at once, more than the writer pool has writers: all readings are stored, all
//! sites are listed.

use serde_json::Value;

use crate::common::http::{Http, segment};
use crate::common::product::processing_service;
use crate::common::readings::add_backlog;
use crate::common::redis::RedisServer;
use crate::common::stored::assert_each_is_stored_once;

/// All sites, page by page.
async fn listed(server: &Http) -> Vec<String> {
    let (mut sites, mut path) = (Vec::new(), "/sites".to_owned());
    loop {
        let page = server.get(&path).await.json();
        let ids = page["sites"].as_array().unwrap().iter().map(|site| &site["site_id"]);
        sites.extend(ids.map(|id| id.as_str().unwrap().to_owned()));
        let Value::String(after) = &page["next_after"] else { return sites };
        path = format!("/sites?after={}", segment(after));
    }
}

#[tokio::test]
async fn readings_of_thousands_of_sites_are_stored_once_and_all_sites_are_listed() {
    let redis = RedisServer::start().await;
    let processing = processing_service(&redis).start().await;
    let ids = add_backlog(&redis, 6_000, 3_000).await;
    assert_each_is_stored_once(&redis, &ids).await;
    let mut expected: Vec<_> = (0..3_000).map(|n| format!("site-{n}")).collect();
    expected.sort_unstable();
    assert_eq!(listed(&processing).await, expected);
}
