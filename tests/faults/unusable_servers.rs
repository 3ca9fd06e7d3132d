//! Servers that lack what the services need: no reading is accepted that could not be stored, no
//! service is ready, and each says what to do. Once the server has it, the work goes on.

use super::support::fake_redis::{Behaviour, FakeRedis};
use super::support::helpers::{dead_letter_reasons, wait_until_stored};
use super::support::system::consumer;
use crate::common::product::{Role, ingestion_api, query_api};
use crate::common::readings::{NOON, add, fields, reading};
use crate::common::redis::{RedisServer, STREAM, free_port};
use crate::common::wait;

const LAST: &str = "18446744073709551615-18446744073709551615";

/// The three services over one server.
async fn services(redis: &RedisServer) -> [Role; 3] {
    [
        ingestion_api(redis).start().await,
        consumer(redis, 1).start().await,
        query_api(redis).start().await,
    ]
}

async fn post(role: &Role) -> crate::common::http::Reply {
    role.post("/readings", reading("site").to_string()).await
}

async fn wait_until_ready(roles: &[Role]) {
    for role in roles {
        wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
    }
}

/// Each is alive and not ready, with the reason, in a sentence without the server's address.
async fn assert_not_ready(roles: &[Role], redis: &RedisServer, why: &str) {
    for role in roles {
        wait::until(&format!("it says {why}"), async || {
            let reply = role.get("/readyz").await;
            assert_eq!(reply.status, 503, "{why}: {reply:?}");
            assert!(!reply.detail().contains(&redis.port().to_string()), "{reply:?}");
            reply.detail().contains(why)
        })
        .await;
        assert_eq!(role.get("/livez").await.status, 200);
    }
}

#[tokio::test]
async fn a_redis_cluster_node_that_does_not_own_all_slots_is_not_used() {
    let bus = free_port().to_string();
    let redis =
        RedisServer::start_with(&["--cluster-enabled", "yes", "--cluster-port", &bus]).await;
    redis.run::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]).await;
    redis.run::<()>(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]).await;
    let roles = services(&redis).await;
    assert_not_ready(&roles, &redis, "name the cluster with redis+cluster://").await;
    let refused = post(&roles[0]).await;
    assert_eq!(refused.status, 503);
    assert!(refused.detail().contains("Redis Cluster"), "{refused:?}");
    assert_eq!(roles[1].get("/sites/site/readings").await.status, 503);
    // The log arrives through a pipe, perhaps after the response.
    let is_logged = || roles[0].stderr().contains("a reading was not accepted");
    wait::until("it is logged", async || is_logged()).await;
    let log = roles[0].stderr();
    let line = log.lines().find(|line| line.contains("a reading was not accepted")).unwrap();
    assert_eq!(line.matches(&format!("127.0.0.1:{}", redis.port())).count(), 1, "{line}");
    redis.run::<()>(&["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]).await;
    wait_until_ready(&roles).await;
    // Poison is dead-lettered there, too, though its keys are in several slots.
    let poison = add(&redis, "*", &fields("site", "poison", NOON)).await;
    assert_eq!(post(&roles[0]).await.status, 201);
    wait_until_stored(&redis, 1).await;
    wait::until("it is dead-lettered", async || redis.group().await.pending == 0).await;
    assert_eq!(dead_letter_reasons(&redis).await.into_keys().collect::<Vec<_>>(), [poison]);
    redis.run::<()>(&["CLUSTER", "DELSLOTSRANGE", "100", "100"]).await;
    for role in &roles {
        wait::until("it is not ready", async || role.get("/readyz").await.status == 503).await;
    }
}

#[tokio::test]
async fn a_server_without_a_required_command_is_not_used_until_it_has_it() {
    for (command, concerned) in [
        ("XADD", ..2),
        // A service that accepts readings relies on their being stored.
        ("XREADGROUP", ..2),
        ("ZADD", ..2),
        ("CLIENT", ..2),
        ("XINFO", ..3),
        ("EVALSHA", ..3),
    ] {
        let mut redis = RedisServer::start_with(&["--rename-command", command, ""]).await;
        let roles = services(&redis).await;
        let why = format!("does not know the command {command}");
        assert_not_ready(&roles[concerned], &redis, &why).await;
        let refused = post(&roles[0]).await;
        assert!(refused.status == 503 && refused.detail().contains(&why), "{refused:?}");
        redis.kill9();
        redis.set(&[]);
        redis.restart().await;
        wait_until_ready(&roles).await;
        assert_eq!(post(&roles[0]).await.status, 201, "{command}");
        wait_until_stored(&redis, 1).await;
    }
}

#[tokio::test]
async fn an_exhausted_stream_id_is_reported_until_the_stream_is_renamed() {
    let redis = RedisServer::start().await;
    let roles = services(&redis).await;
    wait_until_ready(&roles).await;
    redis.run::<()>(&["XADD", STREAM, LAST, "no", "reading"]).await;
    let refused = post(&roles[0]).await;
    assert_eq!(refused.status, 503);
    assert!(refused.detail().contains("accepts no more entries"), "{refused:?}");
    assert!(refused.detail().contains("rename it"), "{refused:?}");
    assert_not_ready(&roles[..2], &redis, &format!("The stream {STREAM} accepts no more")).await;
    assert_eq!(roles[2].get("/readyz").await.status, 200, "what is stored can be read");
    let late = ingestion_api(&redis).start().await;
    assert_not_ready(&[late], &redis, "accepts no more").await;
    redis.run::<()>(&["RENAME", STREAM, "drained"]).await;
    wait_until_ready(&roles).await;
    assert_eq!(post(&roles[0]).await.status, 201);
    wait_until_stored(&redis, 1).await;
}

#[tokio::test]
async fn a_stream_with_ids_left_in_its_last_millisecond_is_used() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["XADD", STREAM, "18446744073709551615-5", "no", "reading"]).await;
    let roles = services(&redis).await;
    wait_until_ready(&roles).await;
    assert_eq!(post(&roles[0]).await.status, 201);
    wait_until_stored(&redis, 1).await;
}

#[tokio::test]
async fn a_server_at_its_maxclients_is_reported_as_such() {
    let redis = RedisServer::start_with(&["--maxclients", "2"]).await;
    let mut others = Vec::new();
    for _ in 0..2 {
        others.push(redis.connect().await);
    }
    let api = ingestion_api(&redis).start().await;
    let refused = post(&api).await;
    assert_eq!(refused.status, 503);
    assert_eq!(api.get("/readyz").await.status, 503);
    wait::until("it says so", async || api.stderr().contains("max number of clients")).await;
}

/// Replies of servers other than Redis.
const NONSENSE: [&[u8]; 16] = [
    b"$3\r\nfoo\r\n",
    b"=7\r\ntxt:foo\r\n",
    b"+OK\r\n",
    b"+\r\n",
    b":5\r\n",
    b":-9223372036854775808\r\n",
    b"*0\r\n",
    b"*1\r\n*1\r\n*0\r\n",
    b"%1\r\n+a\r\n+b\r\n",
    b"~1\r\n:1\r\n",
    b",1.5\r\n",
    b"#t\r\n",
    b"$-1\r\n",
    b"_\r\n",
    b"-ERR no\r\n",
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
];

#[tokio::test]
async fn a_server_with_replies_unlike_redis_is_not_used() {
    let mut redis = RedisServer::prepared(&[]);
    let fake = FakeRedis::listen(redis.port(), None).await;
    let roles = services(&redis).await;
    let handshaken = NONSENSE.iter().map(|bytes| Behaviour::SaysAfterHandshake(bytes));
    let behaviours = NONSENSE.iter().map(|bytes| Behaviour::Says(bytes)).chain(handshaken);
    for behaviour in behaviours.chain([Behaviour::Closes, Behaviour::Says(b"$9\r\nhalf")]) {
        fake.behave(behaviour).await;
        for role in &roles {
            let ready = role.get("/readyz").await;
            assert_eq!(ready.status, 503, "{behaviour:?}: {ready:?}");
            assert_eq!(role.get("/livez").await.status, 200);
        }
        let refused = post(&roles[0]).await;
        assert_eq!(refused.status, 503, "{behaviour:?}: {refused:?}");
        assert_eq!(roles[2].get("/sites").await.status, 503, "{behaviour:?}");
    }
    drop(fake);
    redis.restart().await;
    wait_until_ready(&roles).await;
    assert_eq!(post(&roles[0]).await.status, 201);
    for role in &roles {
        assert!(role.memory_kb("VmHWM") < 64 * 1024, "{} kB", role.memory_kb("VmHWM"));
    }
}

#[tokio::test]
async fn a_server_with_an_invalid_reply_to_one_command_is_not_used() {
    let redis = RedisServer::start().await;
    let front = RedisServer::prepared(&[]);
    let fake = FakeRedis::listen(front.port(), Some(redis.port())).await;
    let roles = services(&front).await;
    let [ingestion, processing] = [&roles[..1], &roles[1..2]];
    for (command, concerned) in [
        ("XADD", ingestion),
        ("HSET", ingestion),
        ("XGROUP", ingestion),
        ("XADD", processing),
        ("XREADGROUP", processing),
        ("XACK", processing),
        ("XAUTOCLAIM", processing),
        ("XRANGE", processing),
        ("ZADD", processing),
        ("ZRANGE", &roles[2..]),
        ("PING", &roles[..]),
        ("INFO", &roles[..]),
    ] {
        for bytes in [&b"$3\r\nfoo\r\n"[..], b"*1\r\n$3\r\nfoo\r\n"] {
            fake.behave(Behaviour::Spoils(command, bytes)).await;
            assert_not_ready(concerned, &front, "not reply as Redis does").await;
        }
    }
}
