//! With `REDIS_READ_FROM=replica` queries of stored readings read from a replica of each shard of a Redis Cluster, and from
//! its master what the replica does not have.

use super::support::packing::{PER_DAY, SITE, fill_site};
use crate::common::cluster::{Cluster, SHARDS};
use crate::common::http::Reply;
use crate::common::product::{Launch, Role, launch};
use crate::common::redis::RedisServer;
use crate::common::tiers::{days_key, packed_key};
use crate::common::wait;

const DAYS: usize = 3;

const FALLBACKS: &str = "energy_pipeline_redis_read_fallbacks_total";

/// A cluster with a site of some days, which is packed but for the last one, and a query API that reads from replicas.
struct Replicated {
    cluster: Cluster,
    query: Role,
    master: usize,
    replica: usize,
}

impl Replicated {
    async fn start() -> Self {
        let cluster = Cluster::start().await;
        let master = cluster.owner_of(&readings_key()).await;
        fill_site(cluster.node(master), DAYS * PER_DAY).await;
        let index = "energy_readings:sites";
        cluster.write_to_both(index, &["ZADD", index, "0", SITE]).await;
        let last_day = format!("1970-01-0{DAYS}");
        let packed = with(&cluster, &["pack", "--before", &last_day]).run().await;
        assert_eq!(packed.status.code(), Some(0), "{packed:?}");
        let replica = cluster.replicas_of(master).await[0];
        // Its replica then has all that was before.
        let mark = format!("{{{}}}:mark", readings_key());
        cluster.write_to_both(&mark, &["SET", &mark, "1"]).await;
        cluster.wait_until_replicas_are_named().await;
        let query = with(&cluster, &["query-api"]).env("REDIS_READ_FROM", "replica").start().await;
        let system = Self { cluster, query, master, replica };
        system.wait_for_lag(true).await;
        system
    }

    async fn get(&self) -> Reply {
        self.query.get(&format!("/sites/{SITE}/readings")).await
    }

    /// Whether the query API reads from replicas only.
    async fn wait_for_lag(&self, is_expected: bool) {
        wait::until("the header is as expected", async || {
            let reply = self.get().await;
            reply.status == 200 && lag(&reply).is_some() == is_expected
        })
        .await;
    }

    /// Asserts that a query gives all readings.
    async fn assert_whole(&self) {
        let reply = self.get().await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(count(&reply), DAYS * PER_DAY);
    }
}

fn readings_key() -> String {
    format!("site:{SITE}:readings")
}

fn with(cluster: &Cluster, arguments: &[&str]) -> Launch {
    launch(arguments).env("REDIS_URL", cluster.url())
}

fn count(reply: &Reply) -> usize {
    reply.json()["readings"].as_array().unwrap().len()
}

fn lag(reply: &Reply) -> Option<f64> {
    reply.headers.get("replica-lag")?.to_str().ok()?.parse().ok()
}

/// How often a server has executed a command since its start.
async fn calls(redis: &RedisServer, command: &str) -> u64 {
    let stats: String = redis.run(&["INFO", "commandstats"]).await;
    let prefix = format!("cmdstat_{command}:calls=");
    let calls = stats.lines().find_map(|line| line.strip_prefix(&prefix)?.split(',').next());
    calls.map_or(0, |calls| calls.parse().unwrap())
}

#[tokio::test]
async fn queries_read_from_the_replica_of_a_shard_and_name_its_lag() {
    let system = Replicated::start().await;
    let [master, replica] = [system.master, system.replica].map(|node| system.cluster.node(node));
    // Scripts read the packed days, and the pages after the first one.
    let before = [calls(master, "evalsha").await, calls(replica, "evalsha").await];
    for _ in 0..5 {
        system.assert_whole().await;
    }
    let after = [calls(master, "evalsha").await, calls(replica, "evalsha").await];
    assert_eq!(after[0], before[0], "the master has read no readings");
    assert!(after[1] >= before[1] + 5, "{before:?} {after:?}");
    for path in ["/sites", "/sites/house/energy?start=1970-01-01&end=1970-01-03"] {
        let reply = system.query.get(path).await;
        assert!(lag(&reply).is_some_and(|lag| lag < 3.0), "{path}: {reply:?}");
    }
    assert_eq!(system.query.counter(FALLBACKS).await, 0, "{}", system.query.stderr());
    assert_eq!(system.query.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn without_its_replica_a_shard_is_read_from_its_master_at_once() {
    let mut system = Replicated::start().await;
    let replicas: Vec<_> = (SHARDS..2 * SHARDS).collect();
    for replica in replicas.clone() {
        system.cluster.kill(replica);
        system.assert_whole().await;
    }
    system.wait_for_lag(false).await;
    let stderr = system.query.stderr();
    assert!(stderr.contains("no healthy replica: queries read from the primary"), "{stderr}");
    wait::until("each is counted", async || system.query.counter(FALLBACKS).await == 3).await;
    system.assert_whole().await;
    for replica in replicas {
        system.cluster.restart(replica).await;
    }
    system.wait_for_lag(true).await;
    assert!(system.query.stderr().contains("queries read from a replica again"));
}

#[tokio::test]
async fn a_replica_that_hangs_is_not_waited_for_again() {
    let mut system = Replicated::start().await;
    system.cluster.stop(system.replica);
    system.assert_whole().await;
    let begin = std::time::Instant::now();
    system.assert_whole().await;
    assert!(begin.elapsed() < wait::AT_ONCE, "{:?}", begin.elapsed());
    system.cluster.resume(system.replica);
    system.wait_for_lag(true).await;
}

#[tokio::test]
async fn a_site_whose_keys_are_being_migrated_is_never_read_in_part() {
    let system = Replicated::start().await;
    let to = (system.master + 1) % SHARDS;
    for key in [readings_key(), days_key(SITE), packed_key(SITE)] {
        system.cluster.migrate_key(&key, to).await;
        let replica = system.cluster.node(system.replica);
        wait::until("the replica does not have the key any more", async || {
            let mut commands = redis::pipe();
            commands.cmd("READONLY").ignore().cmd("EXISTS").arg(&key);
            let mut connection = replica.connect().await;
            // Err: a replica of Valkey knows where it is, and redirects.
            commands.query_async(&mut connection).await.unwrap_or((0_u64,)) == (0,)
        })
        .await;
        let reply = system.get().await;
        match reply.status {
            200 => assert_eq!(count(&reply), DAYS * PER_DAY, "{key}"),
            // Some of its keys are at one master, and some at the other.
            status => assert_eq!(status, 503, "{key}: {reply:?}"),
        }
    }
    system.assert_whole().await;
    let slot = system.cluster.slot_of(&readings_key()).await;
    system.cluster.move_slot(slot, to).await;
    system.assert_whole().await;
    wait::until("the replica of the new master is read from", async || {
        system.assert_whole().await;
        let replica = system.cluster.replicas_of(to).await[0];
        calls(system.cluster.node(replica), "zrange").await > 0
    })
    .await;
}

#[tokio::test]
async fn after_a_failover_queries_read_from_what_is_left() {
    let mut system = Replicated::start().await;
    let master = system.master;
    system.cluster.kill(master);
    let promoted = system.cluster.wait_until_replaced(master).await;
    assert_eq!(promoted, system.replica);
    wait::until("all readings are read", async || {
        let reply = system.get().await;
        reply.status == 200 && count(&reply) == DAYS * PER_DAY
    })
    .await;
    system.cluster.restart(master).await;
    wait::until("the former master is read from", async || {
        system.assert_whole().await;
        calls(system.cluster.node(master), "zrange").await > 0
    })
    .await;
}

#[tokio::test]
async fn a_user_without_the_rights_for_replicas_is_named_and_reads_from_the_masters() {
    let system = Replicated::start().await;
    for denied in ["readonly", "exists"] {
        let user = format!("without-{denied}");
        let rights =
            ["on", "nopass", "~*", "&*", "+@all", &format!("-{denied}")].map(str::to_owned);
        for node in 0..2 * SHARDS {
            let set =
                ["ACL", "SETUSER", &user].map(str::to_owned).into_iter().chain(rights.clone());
            system.cluster.node(node).run::<()>(&set.collect::<Vec<_>>()).await;
        }
        let url = system.cluster.url().replacen("://", &format!("://{user}:any@"), 1);
        let launch = launch(&["query-api"]).env("REDIS_URL", url).env("REDIS_READ_FROM", "replica");
        let query = launch.start().await;
        wait::until("it names the right", async || {
            let reply = query.get("/readyz").await;
            reply.status == 503 && reply.text().contains(&denied.to_uppercase())
        })
        .await;
        let reply = query.get(&format!("/sites/{SITE}/readings")).await;
        assert_eq!((reply.status, count(&reply)), (200, DAYS * PER_DAY));
    }
}

#[tokio::test]
async fn rollups_of_what_replicas_have_are_stored_on_the_masters() {
    let system = Replicated::start().await;
    let days = format!("/sites/{SITE}/energy?start=1970-01-01T00:00:00Z&end=1970-01-03T00:00:00Z");
    let rollups = format!("site:{SITE}:rollups");
    wait::until("the rollups are stored", async || {
        assert_eq!(system.query.get(&days).await.status, 200);
        system.cluster.run::<u64>(&rollups, &["HLEN", &rollups]).await > 0
    })
    .await;
    assert_eq!(system.query.counter("energy_pipeline_redis_reconnects_total").await, 0);
    assert!(
        !system.query.stderr().contains("rollups were not stored"),
        "{}",
        system.query.stderr()
    );
}
