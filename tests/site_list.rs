//! `GET /sites`: an overview of each site, in pages.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::common::catalog::{Stored, index, store, utc};
use crate::common::http::{Http, Reply, segment};
use crate::common::product::{Launch, query_api};
use crate::common::redis::{RedisServer, STREAM};
use crate::common::stored::insert_members;
use crate::common::wait;

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

async fn sites(query: &Http, parameters: &str) -> Vec<Value> {
    let reply = query.get(&format!("/sites{parameters}")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["sites"].as_array().unwrap().clone()
}

async fn statuses(query: &Http) -> Vec<(String, String)> {
    let text = |site: &Value, name: &str| site[name].as_str().unwrap().to_owned();
    let all = sites(query, "").await;
    all.iter().map(|site| (text(site, "site_id"), text(site, "status"))).collect()
}

/// The target of the next page.
fn next(reply: &Reply) -> Option<String> {
    let link = reply.headers.get("link")?.to_str().unwrap();
    let target = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
    Some(target.unwrap_or_else(|| panic!("{link}")).to_owned())
}

fn ids(reply: &Reply) -> Vec<String> {
    let json = reply.json();
    let sites = json["sites"].as_array().unwrap().iter();
    sites.map(|site| site["site_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_site_is_listed_with_its_readings_its_first_and_its_last_one() {
    let redis = RedisServer::start().await;
    let readings = [300, 240, 180, 120, 60, 0].map(|ago| Stored::ago("meter", ago));
    store(&redis, "house", &readings).await;
    index(&redis, ["without readings".to_owned()]).await;
    let query = query_api(&redis).start().await;
    let expected = json!([
        {
            "site_id": "house", "readings": 6, "first": readings[0].utc(), "last": readings[5].utc(),
            "last_ingested_at": utc(readings[5].ingested), "status": "fresh",
        },
        {
            "site_id": "without readings", "readings": 0, "first": null, "last": null,
            "last_ingested_at": null, "status": "empty",
        },
    ]);
    assert_eq!(Value::from(sites(&query, "").await), expected);
    let reply = query.get("/sites").await;
    let members: Vec<_> = reply.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["sites"], "a list of one page is as earlier releases have it");
}

#[tokio::test]
async fn timestamps_of_wrong_clocks_are_neither_first_nor_last() {
    let redis = RedisServer::start().await;
    let (first, last) = (Stored::ago("meter", 7_200), Stored::ago("meter", 60));
    let outliers = ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"];
    let outliers = outliers.map(|at| Stored::at("wrong", time(at)).ingested_ago(3_600));
    store(&redis, "all", &[&outliers[..], &[first.clone(), last.clone()]].concat()).await;
    store(&redis, "outliers", &outliers).await;
    let query = query_api(&redis).start().await;
    let [all, only] = &sites(&query, "").await[..] else { panic!("two sites") };
    assert_eq!(all["readings"], 5);
    assert_eq!((&all["first"], &all["last"]), (&json!(first.utc()), &json!(last.utc())));
    assert_eq!(all["last_ingested_at"], utc(last.ingested));
    assert_eq!(all["status"], "fresh");
    assert_eq!((&only["first"], &only["last"]), (&Value::Null, &Value::Null));
    assert_eq!((&only["readings"], &only["status"]), (&json!(3), &json!("ahead")));
}

#[tokio::test]
async fn the_status_is_relative_to_the_interval_of_the_site() {
    let redis = RedisServer::start().await;
    let every = |seconds: i64, last: i64| {
        (0..5).map(move |n| Stored::ago("meter", last + n * seconds)).collect::<Vec<_>>()
    };
    // Three devices that send within a second, once an hour.
    let together = [0, 3_600].into_iter().flat_map(|ago| {
        ["a", "b", "c", "d"].into_iter().map(move |device| Stored::ago(device, 7_000 + ago))
    });
    for (site, readings) in [
        ("1", every(60, 150)),
        ("2", every(60, 200)),
        ("3", every(60, 400)),
        ("4", every(60, 800)),
        ("5", every(3_600, 800)),
        ("6", together.collect()),
        ("7", vec![Stored::ago("meter", 600)]),
        ("8", vec![Stored::ago("meter", 500), Stored::ago("meter", -3_600)]),
        ("9", vec![Stored::ago("meter", 100_000).ingested_ago(0)]),
    ] {
        store(&redis, site, &readings).await;
    }
    let query = query_api(&redis).start().await;
    let expected = [
        ("1", "fresh"),
        ("2", "late"),
        ("3", "stale"),
        ("4", "offline"),
        ("5", "fresh"),
        ("6", "fresh"),
        ("7", "fresh"),
        ("8", "ahead"),
        ("9", "offline"),
    ];
    let expected = expected.map(|(site, status)| (site.to_owned(), status.to_owned()));
    assert_eq!(statuses(&query).await, expected, "old readings that are stored late: offline");
}

#[tokio::test]
async fn members_that_are_no_readings_do_not_hide_a_site() {
    let redis = RedisServer::start().await;
    let last = Stored::ago("meter", 60);
    store(&redis, "house", &[Stored::ago("meter", 120), last.clone()]).await;
    #[expect(clippy::cast_precision_loss, reason = "as scores are")]
    let now = Utc::now().timestamp() as f64;
    insert_members(&redis, "house", [(now, "junk".to_owned())].into_iter()).await;
    redis.run::<()>(&["SET", "site:text:readings", "no sorted set"]).await;
    index(&redis, ["text".to_owned()]).await;
    let query = query_api(&redis).start().await;
    let [house, text] = &sites(&query, "").await[..] else { panic!("two sites") };
    assert_eq!(house["last_ingested_at"], utc(last.ingested));
    assert_eq!((&text["readings"], &text["status"]), (&Value::Null, &json!("empty")));
}

#[tokio::test]
async fn pages_have_each_site_with_the_prefix_once() {
    let redis = RedisServer::start().await;
    index(&redis, (0..2_500).map(|n| format!("house-{n:04}"))).await;
    let others = ["a", "house", "house.", "house-é", "z*", "zürich", "z"];
    index(&redis, others.map(str::to_owned)).await;
    let query = query_api(&redis).start().await;
    let (mut path, mut listed, mut pages) = ("/sites?prefix=house-".to_owned(), Vec::new(), 0);
    loop {
        let reply = query.get(&path).await;
        listed.extend(ids(&reply));
        pages += 1;
        let json = reply.json();
        let Some(target) = next(&reply) else {
            assert!(json.get("next_cursor").is_none() && json.get("next_after").is_none());
            break;
        };
        assert!(target.contains(json["next_cursor"].as_str().unwrap()), "{target}");
        assert!(target.contains("prefix=house-"), "{target}");
        path = format!("/sites{target}");
    }
    let expected: Vec<_> = (0..2_500).map(|n| format!("house-{n:04}")).collect();
    let expected = [expected, vec!["house-é".to_owned()]].concat();
    assert_eq!((listed, pages), (expected, 3));
    let with_prefix =
        async |prefix: &str| ids(&query.get(&format!("/sites?prefix={}", segment(prefix))).await);
    assert_eq!(with_prefix("z").await, ["z", "z*", "zürich"]);
    assert_eq!(with_prefix("z*").await, ["z*"], "no pattern");
    assert_eq!(with_prefix("nothing").await, [""; 0]);
    let exact = query.get("/sites?prefix=z&limit=3").await;
    assert_eq!((ids(&exact).len(), next(&exact)), (3, None), "a full last page is the last");
}

#[tokio::test]
async fn sites_that_are_added_between_pages_neither_repeat_nor_skip_others() {
    let redis = RedisServer::start().await;
    let before: BTreeSet<_> = (0..400).map(|n| format!("site-{n:04}")).collect();
    index(&redis, before.iter().cloned()).await;
    let query = query_api(&redis).start().await;
    let (mut path, mut listed, mut page) = ("/sites?limit=30".to_owned(), Vec::new(), 0);
    loop {
        let reply = query.get(&path).await;
        listed.extend(ids(&reply));
        // Before, at and behind the end of the page.
        let last = listed.last().unwrap();
        index(&redis, [format!("a-{page}"), format!("{last}-"), format!("z-{page}")]).await;
        page += 1;
        let Some(target) = next(&reply) else { break };
        path = format!("/sites{target}");
        if page > 100 {
            break;
        }
    }
    let unique: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(unique.len(), listed.len(), "a site is listed twice");
    assert!(unique.is_superset(&before), "a site is skipped");
}

#[tokio::test]
async fn invalid_parameters_are_rejected_by_name() {
    let redis = RedisServer::start().await;
    index(&redis, (0..3).map(|n| format!("a-{n}"))).await;
    let query = query_api(&redis).start().await;
    let page = query.get("/sites?prefix=a&limit=1").await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(query.get(&format!("/sites?prefix=a&cursor={cursor}")).await.status, 200);
    for (parameters, name, hint) in [
        (format!("prefix=b&cursor={cursor}"), "cursor", "another prefix"),
        (format!("cursor={cursor}"), "cursor", "another prefix"),
        (format!("prefix=a&cursor={cursor}&after=a-1"), "cursor", "not both"),
        ("cursor=x".to_owned(), "cursor", "next_cursor"),
        ("limit=1001".to_owned(), "limit", "less than or equal to 1000"),
        ("limit=0".to_owned(), "limit", "greater than or equal to 1"),
        (format!("prefix={}", "x".repeat(257)), "prefix", "256 characters"),
        ("prefx=a".to_owned(), "prefx", "is `prefix` meant?"),
    ] {
        let reply = query.get(&format!("/sites?{parameters}")).await;
        assert_eq!(reply.status, 422, "{parameters}: {reply:?}");
        let error = &reply.json()["detail"][0];
        assert_eq!(error["loc"], json!(["query", name]), "{error}");
        assert!(error["msg"].as_str().unwrap().contains(hint), "{error}");
    }
}

#[tokio::test]
async fn without_the_right_to_count_sites_are_listed_without_counts() {
    let redis = RedisServer::start().await;
    store(&redis, "house", &[Stored::ago("meter", 0)]).await;
    redis.run::<()>(&["ACL", "SETUSER", "q", "on", ">p", "~*", "+@all", "-zcard"]).await;
    let url = format!("redis://q:p@127.0.0.1:{}", redis.port());
    let launch: Launch = query_api(&redis).env("REDIS_URL", url);
    let query = launch.start().await;
    wait::until("it is ready", async || query.get("/readyz").await.status == 200).await;
    let [site] = &sites(&query, "").await[..] else { panic!("one site") };
    assert_eq!((&site["readings"], &site["status"]), (&Value::Null, &json!("fresh")));
    assert_eq!(redis.run::<u64>(&["ZCARD", &format!("{STREAM}:sites")]).await, 1);
    let day = TimeDelta::days(1);
    assert!(time(site["last"].as_str().unwrap()) > Utc::now() - day);
}
