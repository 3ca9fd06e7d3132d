//! A Redis Cluster, `redis+cluster://`: what works on one server works on several. Faults of a cluster are in `tests/faults`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::cluster::Cluster;
use crate::common::http::Reply;
use crate::common::process::Ended;
use crate::common::product::{Launch, Role, launch};
use crate::common::redis::{RedisServer, STREAM};
use crate::common::wait;

/// Sites in slots of all masters.
const SITES: usize = 24;

fn role(cluster: &Cluster, name: &str) -> Launch {
    launch(&[name]).env("REDIS_URL", cluster.url()).env("CONSUMER_NAME", "consumer-1")
}

async fn command(cluster: &Cluster, arguments: &[&str]) -> Ended {
    launch(arguments).env("REDIS_URL", cluster.url()).run().await
}

async fn post(ingestion: &Role, site: &str, power: f64, timestamp: &str) -> String {
    let body = json!({
        "site_id": site, "device_id": "meter", "power_reading": power, "timestamp": timestamp,
    });
    let reply = ingestion.post("/readings", body.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}\n{}", ingestion.stderr());
    reply.json()["stream_id"].as_str().unwrap().to_owned()
}

/// The powers of the stored readings of a site, by time.
async fn powers(query: &Role, site: &str) -> Vec<f64> {
    let body = query.get(&format!("/sites/{site}/readings")).await.json();
    let readings = body["readings"].as_array().cloned().unwrap_or_default();
    readings.iter().map(|reading| reading["power_reading"].as_f64().unwrap()).collect()
}

async fn wait_for_powers(query: &Role, site: &str, expected: &[f64]) {
    let what = format!("{site} has {expected:?}");
    wait::until(&what, async || powers(query, site).await == expected).await;
}

async fn delete(query: &Role, path: &str) -> Reply {
    Reply::of(query.request(Method::DELETE, path)).await
}

async fn energy(query: &Role) -> Value {
    let day = "start=2024-01-15T00:00:00Z&end=2024-01-16T00:00:00Z";
    query.get(&format!("/sites/s/energy?{day}")).await.json()
}

#[tokio::test]
async fn readings_of_all_slots_are_accepted_stored_and_served() {
    let cluster = Cluster::start().await;
    let ingestion = role(&cluster, "ingestion-api").start().await;
    let processing = role(&cluster, "processing-service").start().await;
    let query = role(&cluster, "query-api").start().await;
    for n in 0..SITES {
        post(&ingestion, &format!("site-{n}"), 1.5, "2024-01-15T10:00:00Z").await;
    }
    for n in 0..SITES {
        wait_for_powers(&query, &format!("site-{n}"), &[1.5]).await;
    }
    for role in [&ingestion, &processing, &query] {
        wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
        assert_eq!(role.get("/health").await.status, 200);
    }
    let sites = query.get("/sites").await.json();
    assert_eq!(sites["sites"].as_array().unwrap().len(), SITES, "{sites}");
    for master in 0..3 {
        let keys: usize = cluster.node(master).run(&["DBSIZE"]).await;
        assert!(keys > 0, "master {master} has a part of the sites");
    }
    let reconciled = command(&cluster, &["reconcile"]).await;
    assert_eq!(reconciled.status.code(), Some(0), "{reconciled:?}");
}

#[tokio::test]
async fn sites_on_all_masters_are_found_by_reindex() {
    let cluster = Cluster::start().await;
    for n in 0..SITES {
        let key = format!("site:site-{n}:readings");
        cluster.run::<()>(&key, &["ZADD", &key, "1", "{}"]).await;
    }
    let reindexed = command(&cluster, &["reindex"]).await;
    assert_eq!(reindexed.status.code(), Some(0), "{reindexed:?}");
    let index = format!("{STREAM}:sites");
    let indexed: usize = cluster.run(&index, &["ZCARD", &index]).await;
    assert_eq!(indexed, SITES);
}

#[tokio::test]
async fn of_readings_with_one_device_and_instant_a_policy_keeps_one() {
    for (policy, kept) in [("first", 1.0), ("last", 3.0)] {
        let cluster = Cluster::start().await;
        let ingestion = role(&cluster, "ingestion-api").start().await;
        let processing = role(&cluster, "processing-service").env("DEDUP_POLICY", policy);
        let _processing = processing.start().await;
        let query = role(&cluster, "query-api").start().await;
        let mut ids = Vec::new();
        for power in [1.0, 2.0, 3.0] {
            ids.push(post(&ingestion, "s", power, "2024-01-15T10:00:00Z").await);
            // Each is compared with a stored one.
            post(&ingestion, "s", power, &format!("2024-01-15T11:00:0{power}Z")).await;
            let count = ids.len() + 1;
            wait::until("it is stored", async || powers(&query, "s").await.len() == count).await;
        }
        wait_for_powers(&query, "s", &[kept, 1.0, 2.0, 3.0]).await;
        let deleted = format!("{{{STREAM}}}:deleted");
        wait::until("the others have deleted ids", async || {
            let found: Vec<String> = cluster.run(&deleted, &["ZRANGE", &deleted, "0", "-1"]).await;
            let kept = if policy == "first" { &ids[0] } else { &ids[2] };
            found.len() == 2 && !found.contains(kept)
        })
        .await;
    }
}

#[tokio::test]
async fn a_deleted_reading_is_gone_from_its_site_and_from_the_energy_of_its_day() {
    let cluster = Cluster::start().await;
    let ingestion = role(&cluster, "ingestion-api").start().await;
    let _processing = role(&cluster, "processing-service").start().await;
    let query = role(&cluster, "query-api").start().await;
    let mut ids = Vec::new();
    for (power, timestamp) in [(1.0, "10:00:00"), (500.0, "10:30:00"), (1.0, "11:00:00")] {
        ids.push(post(&ingestion, "s", power, &format!("2024-01-15T{timestamp}Z")).await);
    }
    wait_for_powers(&query, "s", &[1.0, 500.0, 1.0]).await;
    // Twice: the second answer is from the rollup.
    let [before, again] = [energy(&query).await, energy(&query).await];
    assert_eq!(before, again);
    let reply = delete(&query, &format!("/sites/s/readings/{}", ids[1])).await;
    assert_eq!(reply.status, 204, "{reply:?}");
    assert_eq!(powers(&query, "s").await, [1.0, 1.0]);
    let after = energy(&query).await;
    assert_ne!(after, before);
    let range = "start=2024-01-15T00:00:00Z&end=2024-01-16T00:00:00Z";
    let reply = delete(&query, &format!("/sites/s/readings?{range}")).await;
    assert_eq!(reply.json()["deleted"], 2, "{reply:?}");
    assert_eq!(powers(&query, "s").await, [] as [f64; 0]);
}

#[tokio::test]
async fn an_entry_that_is_no_reading_is_dead_lettered_in_the_slot_of_the_stream_and_can_be_deleted()
{
    let cluster = Cluster::start().await;
    let processing = role(&cluster, "processing-service").start().await;
    cluster.run::<String>(STREAM, &["XADD", STREAM, "*", "site_id", "s"]).await;
    let dead_letters = format!("{{{STREAM}}}:dead");
    wait::until("it is dead-lettered", async || {
        cluster.run::<usize>(&dead_letters, &["XLEN", &dead_letters]).await == 1
    })
    .await;
    wait::until("it is counted", async || {
        processing.get("/pipeline").await.json()["dead_letters"] == 1
    })
    .await;
    let listed = command(&cluster, &["dead-letters", "list"]).await;
    assert_eq!(listed.status.code(), Some(0), "{listed:?}");
    let listed: Value = serde_json::from_str(listed.stdout.lines().next().unwrap()).unwrap();
    let id = listed["id"].as_str().unwrap();
    let deleted = command(&cluster, &["dead-letters", "delete", id]).await;
    assert_eq!(deleted.status.code(), Some(0), "{deleted:?}");
    assert_eq!(cluster.run::<usize>(&dead_letters, &["XLEN", &dead_letters]).await, 0);
}

#[tokio::test]
async fn a_server_that_is_no_node_of_a_cluster_is_not_used() {
    let redis = RedisServer::start().await;
    let url = format!("redis+cluster://127.0.0.1:{}", redis.port());
    let ingestion = launch(&["ingestion-api"]).env("REDIS_URL", url).start().await;
    wait::until("it names the remedy", async || {
        let reply = ingestion.get("/readyz").await;
        reply.status == 503 && reply.detail().contains("name it with redis://")
    })
    .await;
}
