//! API keys for some sites only.

use reqwest::Method;

use crate::common::http::{Http, Reply, segment};
use crate::common::keys::KeysFile;
use crate::common::product::{Launch, ingestion_api, processing_service, query_api};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, STREAM};
use crate::common::stored::wait_until_settled;

fn with_keys(launch: Launch, keys: &KeysFile) -> Launch {
    launch.env("API_KEYS_FILE", keys.path().display())
}

async fn post(service: &Http, key: &str, site: &str) -> Reply {
    let request = service.request(Method::POST, "/readings").bearer_auth(key);
    Reply::of(request.body(reading(site).to_string())).await
}

async fn get(service: &Http, key: &str, path: &str) -> Reply {
    Reply::of(service.request(Method::GET, path).bearer_auth(key)).await
}

#[tokio::test]
async fn a_reading_of_another_site_is_rejected_and_not_stored() {
    let redis = RedisServer::start().await;
    let keys = KeysFile::new();
    let key = keys
        .create(&["--name", "gateway", "--scope", "write", "--site", "house-*", "--site", "shop"])
        .await;
    let service = with_keys(ingestion_api(&redis), &keys).start().await;
    for site in ["house-1", "house-", "shop"] {
        assert_eq!(post(&service, &key, site).await.status, 201, "{site}");
    }
    for site in ["house", "shops", "my-house-1", "House-1", "*"] {
        let reply = post(&service, &key, site).await;
        assert_eq!(
            (reply.status, reply.json()["code"].as_str()),
            (403, Some("site_forbidden")),
            "{site}"
        );
    }
    let entries: u64 = redis.run(&["XLEN", STREAM]).await;
    assert_eq!(entries, 3);
}

#[tokio::test]
async fn a_row_of_another_site_is_an_invalid_row() {
    let redis = RedisServer::start().await;
    let keys = KeysFile::new();
    let key = keys.create(&["--name", "gateway", "--scope", "write", "--site", "house-*"]).await;
    let service = with_keys(ingestion_api(&redis), &keys).start().await;
    for (sites, query, status, accepted) in [
        (&["house-1", "other", "house-2"][..], "", 200, 2),
        (&["house-1", "other"], "?atomic=true", 422, 0),
        (&["other"], "", 422, 0),
    ] {
        let rows: Vec<_> = sites.iter().map(|site| reading(site)).collect();
        let request = service.request(Method::POST, &format!("/readings/batch{query}"));
        let reply = Reply::of(request.bearer_auth(&key).json(&rows)).await;
        let body = reply.json();
        assert_eq!((reply.status, &body["accepted"]), (status, &accepted.into()), "{sites:?}");
        let error = &body["errors"][0]["detail"][0];
        assert_eq!((&error["type"], &error["input"]), (&"site_forbidden".into(), &"other".into()));
    }
    assert_eq!(redis.entries(STREAM).await.len(), 2);
}

#[tokio::test]
async fn a_key_reads_its_sites_and_lists_no_others() {
    let redis = RedisServer::start().await;
    let keys = KeysFile::new();
    let write = keys.create(&["--name", "writer", "--scope", "write"]).await;
    let all = keys.create(&["--name", "all", "--scope", "read"]).await;
    let some = keys
        .create(&[
            "--name", "some", "--scope", "read", "--site", "b*", "--site", "*/2", "--site", "é",
        ])
        .await;
    let service = with_keys(processing_service(&redis), &keys).start().await;
    let ingestion = with_keys(ingestion_api(&redis), &keys).start().await;
    let sites = ["a", "a/2", "b", "b1", "c", "é"];
    for site in sites {
        assert_eq!(post(&ingestion, &write, site).await.status, 201);
    }
    wait_until_settled(&redis).await;
    for site in sites {
        let path = format!("/sites/{}/readings", segment(site));
        assert_eq!(get(&service, &all, &path).await.status, 200, "{site}");
        let permitted = !["a", "c"].contains(&site);
        let reply = get(&service, &some, &path).await;
        assert_eq!(reply.status, if permitted { 200 } else { 403 }, "{site}: {reply:?}");
        for part in ["", "/devices", "/latest"] {
            let path = format!("/sites/{}{part}", segment(site));
            let status = get(&service, &some, &path).await.status;
            assert_eq!(status, if permitted { 200 } else { 403 }, "{path}");
        }
    }
    let list = |reply: &Reply| {
        let json = reply.json();
        let listed = json["sites"]
            .as_array()
            .unwrap()
            .iter()
            .map(|site| site["site_id"].as_str().unwrap().to_owned());
        listed.collect::<Vec<_>>()
    };
    assert_eq!(list(&get(&service, &all, "/sites").await), sites);
    assert_eq!(list(&get(&service, &some, "/sites").await), ["a/2", "b", "b1", "é"]);
    assert_eq!(list(&get(&service, &some, "/sites?after=b").await), ["b1", "é"]);
    for path in ["/sites//readings", "/sites/%FF/readings"] {
        assert_eq!(get(&service, &some, path).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn the_list_of_a_key_has_pages_without_other_sites() {
    let redis = RedisServer::start().await;
    let keys = KeysFile::new();
    let key = keys
        .create(&["--name", "some", "--scope", "read", "--site", "house-*", "--site", "x*7"])
        .await;
    for from in (0..9_000_u32).step_by(1_000) {
        let site = |n: u32| [format!("a-{n:04}"), format!("house-{n:04}"), format!("x-{n:04}")];
        let members = (from..from + 1_000).flat_map(site).flat_map(|site| ["0".to_owned(), site]);
        let command = ["ZADD".to_owned(), format!("{STREAM}:sites")].into_iter().chain(members);
        let _: u64 = redis.run(&command.collect::<Vec<_>>()).await;
    }
    let service = with_keys(query_api(&redis), &keys).start().await;
    let (mut listed, mut after) = (Vec::new(), String::new());
    loop {
        let page = get(&service, &key, &format!("/sites?after={after}")).await.json();
        let sites = page["sites"].as_array().unwrap();
        listed.extend(sites.iter().map(|site| site["site_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_after"].as_str() else { break };
        assert_eq!(listed.last().unwrap(), next, "the cursor is a site of the key");
        next.clone_into(&mut after);
    }
    let houses = (0..9_000).map(|n| format!("house-{n:04}"));
    let others = (0..9_000).map(|n| format!("x-{n:04}")).filter(|site| site.ends_with('7'));
    assert_eq!(listed, houses.chain(others).collect::<Vec<_>>());
}
