//! What an operator does with dead letters, over HTTP and on the command line.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use super::support::helpers::dead_letter_reasons;
use super::support::system::consumer;
use crate::common::http::Reply;
use crate::common::process::Ended;
use crate::common::product::{Role, launch};
use crate::common::readings::{NOON, add, fields};
use crate::common::redis::{DEAD_LETTERS, RedisServer, STREAM};
use crate::common::stored::{self, wait_until_settled};
use crate::common::wait;

/// A service, and dead letters of readings that can be stored once their site's key is deleted.
async fn with_letters(count: usize) -> (RedisServer, Role, Vec<String>) {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["SET", "site:site:readings", "text"]).await;
    for n in 0..count {
        add(&redis, "*", &fields("site", &format!("{n}.0"), NOON)).await;
    }
    let service = consumer(&redis, 1).start().await;
    wait_until_settled(&redis).await;
    redis.run::<()>(&["DEL", "site:site:readings"]).await;
    let dead_letters =
        redis.entries(DEAD_LETTERS).await.into_iter().map(|dead_letter| dead_letter.id);
    let dead_letters: Vec<_> = dead_letters.collect();
    assert_eq!(dead_letters.len(), count);
    (redis, service, dead_letters)
}

async fn tool(redis: &RedisServer, arguments: &[&str]) -> Ended {
    let launch = launch(&[&["dead-letters"], arguments].concat());
    launch.env("REDIS_HOST", "127.0.0.1").env("REDIS_PORT", redis.port()).run().await
}

fn ids(page: &Value) -> Vec<String> {
    let dead_letters = page["dead_letters"].as_array().unwrap().iter();
    dead_letters.map(|dead_letter| dead_letter["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn dead_letters_are_listed_page_by_page_oldest_first() {
    let (_redis, service, dead_letters) = with_letters(25).await;
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/pipeline/dead-letters?limit=10{cursor}");
        let page = service.get(&path).await.json();
        assert!(ids(&page).len() <= 10, "{page}");
        listed.extend(ids(&page));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(listed, dead_letters);
    let page = service.get("/pipeline/dead-letters").await.json();
    let dead_letter = &page["dead_letters"][0];
    assert!(dead_letter["reason"].as_str().unwrap().contains("WRONGTYPE"), "{dead_letter}");
    assert_eq!(dead_letter["consumer"], "consumer-1");
    assert_eq!(dead_letter["fields"][0]["name"], "site_id");
    for wrong in ["limit=0", "limit=1001", "limit=x", "cursor=x"] {
        let reply = service.get(&format!("/pipeline/dead-letters?{wrong}")).await;
        assert_eq!(reply.status, 422, "{wrong}: {reply:?}");
    }
}

#[tokio::test]
async fn a_dead_letter_is_retried_or_deleted_once() {
    let (redis, service, dead_letters) = with_letters(2).await;
    let [retried, deleted] = &dead_letters[..] else { unreachable!() };
    let retry = format!("/pipeline/dead-letters/{retried}/retry");
    let delete = format!("/pipeline/dead-letters/{deleted}");
    let delete = async || Reply::of(service.request(Method::DELETE, &delete)).await.status;
    assert_eq!(service.post(&retry, "").await.status, 200);
    assert_eq!(delete().await, 204);
    assert_eq!((service.post(&retry, "").await.status, delete().await), (404, 404));
    for id in ["1-0", "no-id", "%2F"] {
        let path = format!("/pipeline/dead-letters/{id}");
        assert_eq!(service.post(&format!("{path}/retry"), "").await.status, 404, "{id}");
        assert_eq!(Reply::of(service.request(Method::DELETE, &path)).await.status, 404, "{id}");
    }
    wait_until_settled(&redis).await;
    wait::until("it is stored", async || stored::count(&redis).await == 1).await;
    assert!(dead_letter_reasons(&redis).await.is_empty());
}

#[tokio::test]
async fn ten_concurrent_retries_of_a_dead_letter_append_one_entry() {
    let (redis, service, dead_letters) = with_letters(1).await;
    let retry = format!("/pipeline/dead-letters/{}/retry", dead_letters[0]);
    let all = futures_util::future::join_all((0..10).map(|_| service.post(&retry, ""))).await;
    let done = all.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(done, 1, "{all:?}");
    wait_until_settled(&redis).await;
    wait::until("it is stored", async || stored::count(&redis).await == 1).await;
}

#[tokio::test]
async fn the_command_line_lists_retries_and_deletes() {
    let (redis, _service, dead_letters) = with_letters(5).await;
    let listed = tool(&redis, &["list"]).await;
    assert_eq!(listed.status.code(), Some(0), "{listed:?}");
    let lines: Vec<Value> =
        listed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|l| l["id"].as_str().unwrap()).collect::<Vec<_>>(), dead_letters);
    let retried = tool(&redis, &["retry", &dead_letters[0], &dead_letters[1]]).await;
    assert_eq!(retried.status.code(), Some(0), "{retried:?}");
    assert_eq!(retried.stdout.lines().count(), 2);
    let deleted = tool(&redis, &["delete", &dead_letters[2]]).await;
    assert_eq!(deleted.status.code(), Some(0), "{deleted:?}");
    let rest = tool(&redis, &["retry", "--all"]).await;
    assert_eq!(rest.status.code(), Some(0), "{rest:?}");
    wait_until_settled(&redis).await;
    wait::until("they are stored", async || stored::count(&redis).await == 4).await;
    assert!(tool(&redis, &["list"]).await.stdout.is_empty());
    assert_eq!(tool(&redis, &["delete", "--all"]).await.status.code(), Some(0));
}

#[tokio::test]
async fn the_command_line_reports_what_failed() {
    let (redis, _service, dead_letters) = with_letters(2).await;
    for arguments in [&["retry"][..], &["delete"], &["retry", "--all", "1-0"], &["retry", "no id"]]
    {
        let ended = tool(&redis, arguments).await;
        assert_ne!(ended.status.code(), Some(0), "{arguments:?}");
    }
    assert_eq!(dead_letter_reasons(&redis).await.len(), 2);
    // A missing one is reported and does not block the others.
    let ended = tool(&redis, &["retry", "1-0", &dead_letters[0], &dead_letters[1]]).await;
    assert!(ended.stderr.contains("1-0"), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 2, "{ended:?}");
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_requeued_does_not_block_the_others() {
    let (redis, service, dead_letters) = with_letters(2).await;
    let wide: Vec<_> = (0..10_000).map(|n| format!("f{n}")).collect();
    let add: Vec<_> = ["XADD", STREAM, "*"].map(str::to_owned).into_iter().chain(wide).collect();
    redis.run::<String>(&add).await;
    wait::until("it is dead-lettered", async || redis.entries(DEAD_LETTERS).await.len() == 3).await;
    let last = redis.entries(DEAD_LETTERS).await.pop().unwrap().id;
    let huge = service.post(&format!("/pipeline/dead-letters/{last}/retry"), "").await;
    assert_eq!(huge.status, 200, "{huge:?}");
    wait::until("it is dead-lettered again", async || {
        let dead_letters = redis.entries(DEAD_LETTERS).await;
        dead_letters.len() == 3
            && dead_letters.last().is_some_and(|dead_letter| dead_letter.id != last)
    })
    .await;
    let ended = tool(&redis, &["retry", "--all"]).await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    wait::until("the others are stored", async || {
        stored::count(&redis).await == dead_letters.len()
    })
    .await;
    wait_until_settled(&redis).await;
    let left: BTreeSet<_> = dead_letter_reasons(&redis).await.into_values().collect();
    assert_eq!(left, BTreeSet::from(["field site_id is missing".to_owned()]));
}
