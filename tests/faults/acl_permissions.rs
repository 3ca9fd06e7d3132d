//! The rights that `docs/delivery-guarantees.md` lists are sufficient for the services, and each is
//! required: without it a service is not ready and names the right.

use std::collections::BTreeMap;

use super::support::redis_at::RedisAt;
use super::support::system::{System, consumer};
use crate::common::event_stream::EventStream;
use crate::common::product::{Launch, Role, ingestion_api, launch, query_api};
use crate::common::readings::{add_backlog, reading};
use crate::common::redis::{GROUP, RedisServer, STREAM, free_port};
use crate::common::stored::{insert, wait_until_settled};
use crate::common::wait;

const DOCUMENT: &str = include_str!("../../docs/delivery-guarantees.md");

/// The ACL rules of a user: its own, and selectors.
#[derive(Debug, Clone)]
struct Rights {
    user: String,
    /// The first list is the user's own; each other is a selector.
    rules: Vec<Vec<String>>,
}

impl Rights {
    /// The rules of the document.
    fn documented(user: &str) -> Self {
        let begin = format!("user {user} on >PASSWORD ");
        let line = DOCUMENT.lines().find_map(|line| line.strip_prefix(&begin));
        let line = line.unwrap_or_else(|| panic!("the document has no user {user}"));
        let words = |rules: &str| rules.split_whitespace().map(str::to_owned).collect();
        let lists = line.split(['(', ')']).map(str::trim).filter(|rules| !rules.is_empty());
        Self { user: user.to_owned(), rules: lists.map(words).collect() }
    }

    /// Each right, and the others without it.
    fn each_without(&self) -> Vec<(String, Self)> {
        let mut all = Vec::new();
        for (list, rules) in self.rules.iter().enumerate() {
            for (place, rule) in rules.iter().enumerate() {
                let mut rest = self.clone();
                rest.rules[list].remove(place);
                all.push((rule.clone(), rest));
            }
        }
        all
    }

    fn with(mut self, rule: &str) -> Self {
        self.rules[0].push(rule.to_owned());
        self
    }

    async fn grant(&self, redis: &RedisServer) {
        let mut command =
            ["ACL", "SETUSER", &self.user, "reset", "on", ">secret"].map(str::to_owned).to_vec();
        let (own, selectors) = self.rules.split_first().unwrap();
        command.extend(own.iter().cloned());
        command.extend(selectors.iter().map(|rules| format!("({})", rules.join(" "))));
        redis.run::<()>(&command).await;
    }

    fn url(&self, redis: &RedisServer) -> String {
        format!("redis://{}:secret@127.0.0.1:{}", self.user, redis.port())
    }

    fn log_in(&self, launch: Launch, redis: &RedisServer) -> Launch {
        launch.env("REDIS_URL", self.url(redis))
    }
}

/// Closes all connections, so that new ones are checked for the rights.
async fn disconnect(redis: &RedisServer, rights: &Rights) {
    let _: redis::Value = redis.run(&["CLIENT", "KILL", "USER", &rights.user]).await;
}

/// The commands that Redis has denied (`ACL LOG`).
async fn denied(redis: &RedisServer) -> Vec<BTreeMap<String, redis::Value>> {
    redis.run(&["ACL", "LOG"]).await
}

async fn wait_until_ready(role: &Role) {
    wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
}

/// Revokes and grants each right; returns those without which the service is ready.
async fn superfluous(redis: &RedisServer, rights: &Rights, role: &Role) -> Vec<String> {
    let mut superfluous = Vec::new();
    for (right, rest) in rights.each_without() {
        rest.grant(redis).await;
        disconnect(redis, rights).await;
        // Not ready while it connects; afterwards its state does not change any more.
        let reply = wait::until_some("it has connected", async || {
            let reply = role.get("/readyz").await;
            let connects = reply.status == 503 && reply.detail().contains("cannot be reached");
            (!connects).then_some(reply)
        })
        .await;
        if reply.status == 200 {
            superfluous.push(right);
        } else {
            assert!(reply.detail().contains(&names(&right)), "{right}: {reply:?}");
        }
        rights.grant(redis).await;
        wait_until_ready(role).await;
    }
    superfluous
}

/// The name that a service gives to a right.
fn names(right: &str) -> String {
    match right.strip_prefix('~') {
        Some(pattern) => pattern.trim_end_matches('*').to_owned(),
        None => right.trim_start_matches('+').replace('|', " ").to_ascii_uppercase(),
    }
}

#[tokio::test]
async fn users_need_the_documented_rights_only() {
    let redis = RedisServer::start().await;
    let [ingestion, processing, queries] =
        ["ingestion", "processing", "queries"].map(Rights::documented);
    for rights in [&ingestion, &processing, &queries] {
        rights.grant(&redis).await;
    }
    let api = ingestion.log_in(ingestion_api(&redis), &redis).env("MAX_BACKLOG", 1_000_000);
    let api = api.start().await;
    let service = processing.log_in(consumer(&redis, 1), &redis);
    let service = service.env("STREAM_RETENTION", "1s").env("READINGS_RETENTION", "100y");
    let service = service.env("PACK_AFTER", "1h").start().await;
    let query_api = queries.log_in(query_api(&redis), &redis).start().await;
    let system = System::of(redis, api, vec![service]);
    let producer = system.producer().keyed().poison(system.redis.port(), 20).start();
    producer.wait_for_more(700).await;
    let ledger = producer.stop().await;
    for role in system.roles().chain([&query_api]) {
        wait_until_ready(role).await;
        assert_eq!(role.get("/metrics").await.status, 200);
    }
    system.checker().check(&ledger).await.assert_invariants_hold();
    let paths = [
        "/sites",
        "/sites/site-1",
        "/sites/site-1/devices",
        "/sites/site-1/latest",
        "/sites/site-1/readings",
        "/sites/site-1/aggregates?start=2024-01-01&interval=1d",
        "/pipeline",
        "/pipeline/dead-letters",
    ];
    for path in paths {
        for role in [&system.processing[0], &query_api] {
            assert_eq!(role.get(path).await.status, 200, "{path}");
        }
    }
    for role in [&system.processing[0], &query_api] {
        EventStream::of(role, "site-1", "").await;
    }
    wait::until("the stream is trimmed", async || {
        system.redis.run::<usize>(&["XLEN", STREAM]).await < 200
    })
    .await;
    wait::until("a run of packing is reported", async || {
        query_api.get("/pipeline").await.json()["packing"][0]["state"] == "done"
    })
    .await;
    decide_on_dead_letters(&system.processing[0]).await;
    assert_reconciles(&system.redis, &processing).await;
    let mut system = system;
    system.processing[0].terminate();
    assert_eq!(system.processing[0].exit_code().await, Some(0));
    assert!(denied(&system.redis).await.is_empty(), "{:?}", denied(&system.redis).await);
}

/// Retries one and deletes another.
async fn decide_on_dead_letters(service: &Role) {
    let dead_letters = service.get("/pipeline/dead-letters").await.json();
    let id = |n: usize| dead_letters["dead_letters"][n]["id"].as_str().unwrap().to_owned();
    let retried = service.post(&format!("/pipeline/dead-letters/{}/retry", id(0)), "").await;
    assert_eq!(retried.status, 200, "{retried:?}");
    let path = format!("/pipeline/dead-letters/{}", id(1));
    let deleted = crate::common::http::Reply::of(service.request(reqwest::Method::DELETE, &path));
    assert_eq!(deleted.await.status, 204);
}

async fn assert_reconciles(redis: &RedisServer, rights: &Rights) {
    let ended = rights.log_in(launch(&["reconcile", "--repair"]), redis).run().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

#[tokio::test]
async fn every_right_of_the_ingestion_api_but_that_of_counting_is_required() {
    let redis = RedisServer::start().await;
    let rights = Rights::documented("ingestion");
    rights.grant(&redis).await;
    let api = rights.log_in(ingestion_api(&redis), &redis).start().await;
    wait_until_ready(&api).await;
    assert_eq!(superfluous(&redis, &rights, &api).await, ["+xrange", "+hgetall"]);
}

#[tokio::test]
async fn every_right_that_partitions_need_of_the_ingestion_api_is_required() {
    let redis = RedisServer::start().await;
    let rights = Rights::documented("partitioned-ingestion");
    rights.grant(&redis).await;
    let api = rights.log_in(ingestion_api(&redis), &redis).env("STREAM_PARTITIONS", 4);
    let api = api.start().await;
    wait_until_ready(&api).await;
    let body = reading("site").to_string();
    for key in [None, Some("key"), Some("key")] {
        let request = api.request(reqwest::Method::POST, "/readings").body(body.clone());
        let request =
            key.map_or(request.try_clone(), |key| Some(request.header("idempotency-key", key)));
        let reply = crate::common::http::Reply::of(request.unwrap()).await;
        assert_eq!(reply.status, 201, "{reply:?}");
    }
    assert!(denied(&redis).await.is_empty(), "{:?}", denied(&redis).await);
    assert_eq!(superfluous(&redis, &rights, &api).await, ["+xrange"]);
}

/// What the counts of receivers need.
const RECEIVERS: &str = "%R~{energy_readings}:receivers";

/// What a service needs to know the partitions of others.
const PARTITIONS: &str = "%R~{energy_readings}:partitions";

/// What event streams need.
const EVENTS: [&str; 2] = ["+xread", "+client|id"];

/// What a service stores and reads for questions about energy; without it they are answered from readings.
const ROLLUPS: [&str; 2] = ["+zcount", "+hset"];

/// What a service needs to know the memory of tiers.
const MEMORY: &str = "+memory|usage";

/// The rights of lists of sites, and of the check of their index.
const CATALOG: [&str; 3] = ["+zcard", "+zmscore", "+scan"];

#[tokio::test]
async fn every_right_of_the_query_api_but_those_of_rollups_events_and_the_catalog_is_required() {
    let redis = RedisServer::start().await;
    let rights = Rights::documented("queries");
    rights.grant(&redis).await;
    let api = rights.log_in(query_api(&redis), &redis).start().await;
    wait_until_ready(&api).await;
    let [count, store] = ROLLUPS;
    let later = ["+hkeys", MEMORY, "~site:*:rollups", store];
    let optional = [&[RECEIVERS, PARTITIONS][..], &EVENTS, &[count], &CATALOG, &later].concat();
    assert_eq!(superfluous(&redis, &rights, &api).await, optional);
    for (right, rest) in rights.each_without() {
        if EVENTS.contains(&right.as_str()) {
            rest.grant(&redis).await;
            let reply = api.get("/sites/s/events").await;
            assert_eq!(
                (reply.status, reply.json()["code"].as_str()),
                (503, Some("store_access_denied")),
                "{right}"
            );
            assert_eq!(api.get("/sites/s/readings").await.status, 200, "{right}");
        }
    }
    rights.grant(&redis).await;
    EventStream::of(&api, "s", "").await;
}

#[tokio::test]
async fn without_the_rights_of_rollups_energy_is_computed_from_readings() {
    let redis = RedisServer::start().await;
    insert(&redis, "s", 0..100).await;
    let rights = Rights::documented("queries");
    let path = "/sites/s/energy?start=1970-01-01&end=1970-01-02";
    let mut found = Vec::new();
    for missing in [&ROLLUPS[..], &ROLLUPS[1..], &[]] {
        let mut rest = rights.clone();
        for rules in &mut rest.rules {
            rules.retain(|rule| !missing.contains(&rule.as_str()));
        }
        rest.grant(&redis).await;
        let api = rest.log_in(query_api(&redis), &redis).start().await;
        wait_until_ready(&api).await;
        let reply = api.get(path).await;
        assert_eq!(reply.status, 200, "{missing:?}: {reply:?}");
        found.push(reply.json());
        let has_rollup = redis.run::<u64>(&["EXISTS", "site:s:rollups"]).await == 1;
        assert_eq!(has_rollup, missing.is_empty());
        assert_eq!(
            api.stderr().contains("questions are answered from members"),
            missing.len() == 2
        );
        assert_eq!(api.stderr().contains("rollups were not stored"), missing.len() == 1);
        assert_eq!(api.get("/sites/s/readings").await.status, 200);
        wait_until_ready(&api).await;
    }
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{found:?}");
}

#[tokio::test]
async fn every_right_of_the_processing_service_but_some_is_required() {
    let redis = RedisServer::start().await;
    let rights = Rights::documented("processing");
    rights.grant(&redis).await;
    let service = rights.log_in(consumer(&redis, 1), &redis).start().await;
    wait_until_ready(&service).await;
    let first = [RECEIVERS, PARTITIONS, "+xread", "+xgroup|setid", "+zcard"];
    let optional = [&first[..], &["+zcount", "+scan", MEMORY]].concat();
    assert_eq!(superfluous(&redis, &rights, &service).await, optional);
    // One entry whose site was deleted, so that both are used.
    add_backlog(&redis, 3, 1).await;
    wait_until_settled(&redis).await;
    redis.run::<()>(&["DEL", "site:site-0:readings"]).await;
    assert_reconciles(&redis, &rights).await;
    for (right, rest) in rights.each_without() {
        if ["+zmscore", "+zcard"].contains(&right.as_str()) {
            rest.grant(&redis).await;
            let ended = rights.log_in(launch(&["reconcile"]), &redis).run().await;
            assert_eq!(ended.status.code(), Some(1), "{right}: {ended:?}");
            assert!(ended.stderr.contains("denied"), "{right}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn a_right_revoked_at_run_time_is_detected_on_open_connections() {
    let redis = RedisServer::start().await;
    let rights = Rights::documented("ingestion");
    rights.grant(&redis).await;
    let api = rights.log_in(ingestion_api(&redis), &redis).start().await;
    wait_until_ready(&api).await;
    redis.run::<()>(&["ACL", "SETUSER", "ingestion", "-xadd"]).await;
    assert_eq!(api.post("/readings", reading("site").to_string()).await.status, 503);
    let reply = api.get("/readyz").await;
    assert_eq!(reply.status, 503);
    assert!(reply.detail().contains("user ingestion"), "{reply:?}");
    assert!(reply.detail().contains("XADD on energy_readings"), "{reply:?}");
    redis.run::<()>(&["ACL", "SETUSER", "ingestion", "+xadd"]).await;
    wait_until_ready(&api).await;
}

#[tokio::test]
async fn a_configured_database_requires_the_right_to_select_it() {
    let redis = RedisServer::start().await;
    let rights = Rights::documented("ingestion");
    rights.grant(&redis).await;
    let url = format!("{}/1", rights.url(&redis));
    let api = ingestion_api(&redis).env("REDIS_URL", url).start().await;
    let refused = api.post("/readings", reading("site").to_string()).await;
    assert_eq!(refused.status, 503);
    assert!(refused.detail().contains("credentials"), "{refused:?}");
    wait::until("it says so", async || api.stderr().contains("'select' command")).await;
    rights.with("+select").grant(&redis).await;
    wait_until_ready(&api).await;
    assert_eq!(api.post("/readings", reading("site").to_string()).await.status, 201);
}

#[tokio::test]
async fn without_a_right_to_cluster_commands_a_node_is_used_only_if_it_owns_all_slots() {
    let bus = free_port().to_string();
    let redis =
        RedisServer::start_with(&["--cluster-enabled", "yes", "--cluster-port", &bus]).await;
    redis.run::<()>(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]).await;
    redis.run::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16000"]).await;
    let rights = Rights::documented("ingestion");
    rights.grant(&redis).await;
    let api = rights.log_in(ingestion_api(&redis), &redis).start().await;
    let reply = api.get("/readyz").await;
    assert!(reply.status == 503 && reply.detail().contains("Redis Cluster"), "{reply:?}");
    redis.run::<()>(&["CLUSTER", "ADDSLOTSRANGE", "16001", "16383"]).await;
    wait_until_ready(&api).await;
    assert_eq!(api.post("/readings", reading("site").to_string()).await.status, 201);
}

#[tokio::test]
async fn the_ingestion_api_can_neither_delete_nor_expire_the_stream_nor_read_sites() {
    let redis = RedisServer::start().await;
    let rights = Rights::documented("ingestion");
    rights.grant(&redis).await;
    add_backlog(&redis, 3, 1).await;
    redis.run::<()>(&["XGROUP", "CREATE", STREAM, GROUP, "0"]).await;
    let client = redis::Client::open(rights.url(&redis)).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for command in [
        "PEXPIRE energy_readings 1",
        "DEL energy_readings",
        "XTRIM energy_readings MAXLEN 0",
        "XDEL energy_readings 1-1",
        "HSET energy_readings:x a b",
        "XGROUP DESTROY energy_readings processing_group",
        "EVAL return 0",
        "GET site:site-0:readings",
        "FLUSHALL",
    ] {
        let mut built = redis::Cmd::new();
        command.split(' ').for_each(|word| {
            built.arg(word);
        });
        let refused = built.query_async::<redis::Value>(&mut connection).await.expect_err(command);
        assert_eq!(refused.code(), Some("NOPERM"), "{command}: {refused}");
    }
    assert_eq!(RedisAt::port(redis.port()).run::<usize>("XLEN energy_readings").await, 3);
}
