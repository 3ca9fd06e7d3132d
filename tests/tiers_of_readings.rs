//! How many readings each tier has and what it needs: gauges and `GET /pipeline`, from a sample of sites.

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::http::Reply;
use crate::common::product::{Role, launch, query_api};
use crate::common::redis::RedisServer;
use crate::common::stored::{insert_members, member};
use crate::common::wait;

/// Readings of a day, one each half hour.
const A_DAY: usize = 48;

/// Stores readings of the days from 1970-01-01 on, and indexes the site.
async fn fill(redis: &RedisServer, site: &str, days: usize) {
    let seconds = (0..days * 86_400).step_by(86_400 / A_DAY);
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let members = seconds.map(|second| (second as f64, member(site, second)));
    insert_members(redis, site, members).await;
    redis.run::<()>(&["ZADD", "energy_readings:sites", "0", site]).await;
}

/// The tiers, as a service reports them that has just started and so has just sampled.
async fn tiers(redis: &RedisServer) -> (Role, Value) {
    let query = query_api(redis).start().await;
    let tiers = wait::until_some("sites were sampled", async || {
        query.get("/pipeline").await.json().get("tiers").cloned()
    })
    .await;
    (query, tiers)
}

async fn metrics(role: &Role) -> String {
    let request = role.request(Method::GET, "/metrics").header("accept", "text/plain");
    Reply::of(request).await.text()
}

/// The memory of a tier, which some test asserts to be between bounds.
fn memory(tiers: &Value, tier: &str) -> u64 {
    tiers[tier]["memory_bytes"].as_u64().unwrap_or_else(|| panic!("{tier}: {tiers}"))
}

#[tokio::test]
async fn packed_days_move_from_one_tier_to_the_next_and_need_less_memory() {
    let redis = RedisServer::start().await;
    for site in ["a", "b"] {
        fill(&redis, site, 5).await;
    }
    let (_, hot) = tiers(&redis).await;
    assert_eq!(hot["hot"]["readings"], 2 * 5 * A_DAY);
    assert_eq!([&hot["packed"]["readings"], &hot["packed"]["days"]], [0, 0]);
    let ended = launch(&["pack"]).env("REDIS_PORT", redis.port()).run().await;
    assert!(ended.status.success(), "{ended:?}");

    let (query, packed) = tiers(&redis).await;
    assert_eq!([&packed["sites"], &packed["sampled_sites"]], [2, 2]);
    // The last day of each site stays.
    assert_eq!(packed["hot"]["readings"], 2 * A_DAY);
    assert_eq!([&packed["packed"]["readings"], &packed["packed"]["days"]], [8 * A_DAY, 8]);
    assert_eq!(packed["archived"], json!({ "readings": 0, "days": 0, "memory_bytes": 0 }));
    let needed = memory(&packed, "hot") + memory(&packed, "packed");
    assert!(needed < memory(&hot, "hot") / 2, "{hot}, then {packed}");

    let text = metrics(&query).await;
    for line in [
        format!("energy_pipeline_tier_readings{{tier=\"packed\"}} {}", 8 * A_DAY),
        format!("energy_pipeline_tier_memory_bytes{{tier=\"hot\"}} {}", memory(&packed, "hot")),
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line} is not in {text}");
    }
}

#[tokio::test]
async fn of_many_sites_a_sample_gives_an_estimate() {
    let redis = RedisServer::start().await;
    for number in 0..100 {
        fill(&redis, &format!("site-{number}"), 1).await;
    }
    let (_, tiers) = tiers(&redis).await;
    assert_eq!([&tiers["sites"], &tiers["sampled_sites"]], [100, 64]);
    assert_eq!(tiers["hot"]["readings"], 100 * A_DAY);
}

#[tokio::test]
async fn without_sites_there_are_no_tiers_and_the_gauges_are_0() {
    let redis = RedisServer::start().await;
    let query = query_api(&redis).start().await;
    wait::until("the gauges are exposed", async || {
        metrics(&query).await.contains("\nenergy_pipeline_tier_readings{tier=\"hot\"} 0\n")
    })
    .await;
    assert_eq!(query.get("/pipeline").await.json().get("tiers"), None);
}

#[tokio::test]
async fn a_user_without_the_permission_to_ask_for_memory_gets_numbers_of_readings() {
    let redis = RedisServer::start().await;
    fill(&redis, "a", 2).await;
    let rights = ["on", ">secret", "~*", "&*", "+@all", "-memory"];
    redis.run::<()>(&[&["ACL", "SETUSER", "limited"], &rights[..]].concat()).await;
    let url = format!("redis://limited:secret@127.0.0.1:{}", redis.port());
    let query = query_api(&redis).env("REDIS_URL", url).start().await;
    let tiers = wait::until_some("sites were sampled", async || {
        query.get("/pipeline").await.json().get("tiers").cloned()
    })
    .await;
    assert_eq!(tiers["hot"], json!({ "readings": 2 * A_DAY, "days": 0, "memory_bytes": null }));
    assert!(!metrics(&query).await.contains("energy_pipeline_tier_memory_bytes{tier=\"hot\"}"));
}
