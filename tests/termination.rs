//! `SIGTERM` and other requests to stop: no new work is accepted, work in progress is finished, the
//! exit code is 0.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::common::http::Http;
use crate::common::product::{Role, ingestion_api, launch, processing_service, query_api};
use crate::common::readings::{add_backlog, reading};
use crate::common::redis::{RedisServer, STREAM};
use crate::common::stored::{self, assert_each_is_stored_once, wait_until_settled};
use crate::common::wait;

#[tokio::test]
async fn a_processing_service_finishes_its_in_flight_entries() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 5_000, 7).await;
    let slow = processing_service(&redis).env("PROCESSING_DELAY_MS", 2);
    let mut slow = slow.env("BATCH_SIZE", 100).env("MAX_IN_FLIGHT", 400).start().await;
    wait::until("it is in the middle", async || stored::count(&redis).await > 200).await;
    slow.terminate();
    assert_eq!(slow.exit_code().await, Some(0));
    let (left, stored) = (redis.group().await, stored::count(&redis).await);
    assert_eq!(left.pending, 0, "delivered, and neither stored nor handed back");
    assert!(stored < ids.len(), "it was not in the middle");
    assert_eq!(left.lag, Some((ids.len() - stored) as u64));
    let _next = processing_service(&redis).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn a_service_that_drains_is_alive_but_not_ready() {
    let redis = RedisServer::start().await;
    add_backlog(&redis, 2_000, 7).await;
    let mut slow = processing_service(&redis).env("PROCESSING_DELAY_MS", 2).start().await;
    wait::until("it works", async || stored::count(&redis).await > 100).await;
    assert_eq!(slow.get("/readyz").await.status, 200);
    slow.terminate();
    wait::until("it is not ready", async || slow.get("/readyz").await.status == 503).await;
    assert_eq!(slow.get("/livez").await.status, 200);
    assert_eq!(slow.get("/sites/site-1/readings").await.status, 200);
    assert_eq!(slow.exit_code().await, Some(0));
}

#[tokio::test]
async fn draining_has_a_deadline_and_the_remaining_entries_are_not_lost() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 300, 7).await;
    let slow = processing_service(&redis).env("PROCESSING_DELAY_MS", 100);
    let mut slow = slow.env("READ_BLOCK_MS", 100).env("DRAIN_TIMEOUT_MS", 500).start().await;
    wait::until("it works", async || stored::count(&redis).await > 2).await;
    let asked = Instant::now();
    slow.terminate();
    assert_eq!(slow.exit_code().await, Some(0));
    assert!(asked.elapsed() < Duration::from_secs(4), "ended after {:?}", asked.elapsed());
    assert!(redis.group().await.pending > 0, "nothing was left");
    let _next = processing_service(&redis).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn an_idle_service_stops_at_once() {
    let redis = RedisServer::start().await;
    for launch in [
        processing_service(&redis).env("READ_BLOCK_MS", 60_000).env("DRAIN_TIMEOUT_MS", 90_000),
        ingestion_api(&redis),
        query_api(&redis),
    ] {
        let mut role = launch.start().await;
        wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
        let asked = Instant::now();
        role.terminate();
        assert_eq!(role.exit_code().await, Some(0));
        assert!(asked.elapsed() < wait::AT_ONCE, "ended after {:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn a_service_without_redis_stops_too() {
    let redis = RedisServer::prepared(&[]);
    for launch in [processing_service(&redis), ingestion_api(&redis), query_api(&redis)] {
        let mut role = launch.start().await;
        assert_eq!(role.get("/readyz").await.status, 503);
        let asked = Instant::now();
        role.terminate();
        assert_eq!(role.exit_code().await, Some(0));
        assert!(asked.elapsed() < wait::AT_ONCE, "ended after {:?}", asked.elapsed());
    }
}

/// Stops a service that cannot finish because of Redis, and asserts that no entry is lost.
async fn assert_ends_by_its_deadline(
    stop: impl FnOnce(&mut RedisServer),
    go_on: impl AsyncFnOnce(&mut RedisServer),
) {
    let mut redis = RedisServer::start_durable().await;
    let ids = add_backlog(&redis, 1_000, 7).await;
    let slow = processing_service(&redis).env("PROCESSING_DELAY_MS", 2);
    let mut slow = slow.env("READ_BLOCK_MS", 100).env("DRAIN_TIMEOUT_MS", 1_000).start().await;
    wait::until("it works", async || stored::count(&redis).await > 100).await;
    stop(&mut redis);
    let asked = Instant::now();
    slow.terminate();
    assert_eq!(slow.exit_code().await, Some(0));
    assert!(asked.elapsed() < Duration::from_secs(8), "ended after {:?}", asked.elapsed());
    go_on(&mut redis).await;
    let _next = processing_service(&redis).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn a_service_whose_redis_is_unavailable_stops_by_its_deadline() {
    assert_ends_by_its_deadline(RedisServer::kill9, RedisServer::restart).await;
}

#[tokio::test]
async fn a_service_whose_redis_hangs_stops_by_its_deadline() {
    let go_on = async |redis: &mut RedisServer| redis.signal("CONT");
    assert_ends_by_its_deadline(|redis| redis.signal("STOP"), go_on).await;
}

/// Sends readings until the server has exited; returns the ids of accepted ones.
async fn send_until_it_ends(server: Http) -> Vec<String> {
    let mut accepted = Vec::new();
    while let Ok(reply) = server.try_post("/readings", reading("site").to_string()).await {
        assert_eq!(reply.status, 201, "{reply:?}");
        accepted.push(reply.json()["stream_id"].as_str().unwrap().to_owned());
    }
    accepted
}

/// Stops an ingestion API under load, and asserts that every reading it accepted is stored.
async fn assert_accepted_is_kept(threads: &str, end: impl FnOnce(&mut Role)) {
    let redis = RedisServer::start().await;
    let mut ingestion = ingestion_api(&redis).env("INGESTION_THREADS", threads).start().await;
    let server = Http::at(ingestion.base());
    let senders: Vec<_> =
        (0..8).map(|_| tokio::spawn(send_until_it_ends(server.clone()))).collect();
    wait::until("readings are accepted", async || {
        redis.run::<usize>(&["XLEN", STREAM]).await > 200
    })
    .await;
    end(&mut ingestion);
    ingestion.exit_code().await.inspect(|code| assert_eq!(*code, 0));
    let mut accepted = Vec::new();
    for sender in senders {
        accepted.extend(sender.await.unwrap());
    }
    let _processing = processing_service(&redis).start().await;
    // A request without a response may be in the stream too: each is identified by its id.
    wait_until_settled(&redis).await;
    let entries = redis.entries(STREAM).await;
    let ids: Vec<_> = entries.into_iter().map(|entry| entry.id).collect();
    assert!(accepted.iter().all(|id| ids.contains(id)), "an accepted reading is not in the stream");
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn an_ingestion_api_stopped_under_load_keeps_every_reading_it_accepted() {
    assert_accepted_is_kept("1", Role::terminate).await;
}

#[tokio::test]
async fn an_ingestion_api_stops_all_of_its_threads() {
    assert_accepted_is_kept("3", Role::terminate).await;
}

#[tokio::test]
async fn an_ingestion_api_killed_under_load_keeps_every_reading_it_accepted() {
    assert_accepted_is_kept("1", Role::kill9).await;
}

#[tokio::test]
async fn a_request_in_progress_gets_its_response_before_the_end() {
    let redis = RedisServer::start().await;
    let mut ingestion = ingestion_api(&redis).start().await;
    let body = reading("site").to_string();
    let (first, second) = body.split_at(20);
    let mut connection = ingestion.raw().await;
    let length = body.len();
    connection
        .send(format!(
            "POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{first}"
        ))
        .await;
    wait::until("the request has arrived", async || ingestion.get("/livez").await.status == 200)
        .await;
    ingestion.terminate();
    let server = Http::at(ingestion.base());
    wait::until("no more connections are taken", async || {
        server.try_post("/readings", "").await.is_err()
    })
    .await;
    connection.send(second).await;
    assert_eq!(connection.reply().await.status, 201);
    assert_eq!(ingestion.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_second_signal_stops_the_service_at_once() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 300, 7).await;
    let mut slow = processing_service(&redis).env("PROCESSING_DELAY_MS", 500).start().await;
    wait::until("it works", async || stored::count(&redis).await > 0).await;
    slow.terminate();
    wait::until("it drains", async || slow.get("/readyz").await.status == 503).await;
    slow.terminate();
    assert_eq!(slow.exit_code().await, Some(130));
    let _next = processing_service(&redis).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn signals_of_the_terminal_stop_every_role_as_sigterm_does() {
    let redis = RedisServer::start().await;
    for signal in ["HUP", "QUIT", "INT"] {
        for launch in [processing_service(&redis), ingestion_api(&redis), query_api(&redis)] {
            let mut role = launch.start().await;
            role.signal(signal);
            assert_eq!(role.exit_code().await, Some(0), "{signal}");
        }
    }
}

#[tokio::test]
async fn a_closed_terminal_sends_sighup_more_than_once_and_forces_nothing() {
    let redis = RedisServer::start().await;
    let ids = add_backlog(&redis, 200, 7).await;
    let mut slow = processing_service(&redis).env("PROCESSING_DELAY_MS", 5).start().await;
    wait::until("it works", async || stored::count(&redis).await > 0).await;
    slow.signal("HUP");
    wait::until("it drains", async || slow.get("/readyz").await.status == 503).await;
    slow.signal("HUP");
    assert_eq!(slow.exit_code().await, Some(0));
    assert_eq!(redis.group().await.pending, 0, "delivered, and neither stored nor handed back");
    let _next = processing_service(&redis).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn a_service_started_with_nohup_survives_the_end_of_its_terminal() {
    let redis = RedisServer::start().await;
    let mut role = query_api(&redis).through("trap '' HUP; exec \"$0\" \"$@\"").start().await;
    role.signal("HUP");
    wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
    assert!(!role.stderr().contains("shutting down"), "{}", role.stderr());
    role.terminate();
    assert_eq!(role.exit_code().await, Some(0));
}

#[tokio::test]
async fn an_import_whose_terminal_is_closed_finishes_the_rows_in_flight() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let mut file = tempfile::Builder::new().suffix(".ndjson").tempfile().unwrap();
    file.write_all(format!("{}\n", reading("site")).repeat(50_000).as_bytes()).unwrap();
    let import = launch(&["import"]).arg(file.path()).arg("--url").arg(ingestion.base());
    let mut import = import.start_process();
    wait::until("it is under way", async || redis.run::<usize>(&["XLEN", STREAM]).await > 100)
        .await;
    import.signal("HUP");
    let ended = import.ended().await;
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    let accepted = redis.run::<usize>(&["XLEN", STREAM]).await;
    assert!(accepted < 50_000, "it was over already");
    let told = format!("accepted  {accepted}\n");
    assert!(ended.stdout.contains(&told), "{told} is not in {ended:?}");
}
