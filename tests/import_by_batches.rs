//! `import` sends readings as batches: each row is stored once whatever fails, also by imports that divide the file
//! into other batches, and rows of a site keep their order.

use std::collections::BTreeMap;

use serde_json::json;

use crate::common::import::{Input, figure, import, named_command, powers, rows};
use crate::common::product::{Role, ingestion_api, launch};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, STREAM, free_port};
use crate::common::wait;

const BATCHES: &str = "energy_pipeline_readings_batch_rows_count";

async fn start() -> (RedisServer, Role) {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    (redis, ingestion)
}

async fn entries(redis: &RedisServer) -> usize {
    redis.run(&["XLEN", STREAM]).await
}

fn all(count: u32) -> Vec<f64> {
    (0..count).map(f64::from).collect()
}

#[tokio::test]
async fn rows_are_few_requests_and_those_of_a_site_keep_their_order() {
    let (redis, ingestion) = start().await;
    let row = |number: usize| {
        let mut row = reading(&format!("site-{}", number % 7));
        row["power_reading"] = json!(number);
        row.to_string()
    };
    let input = Input::new("a.ndjson", (0..5_000).map(row).collect::<Vec<_>>().join("\n"));
    let ended = import(&input.file, ingestion.base()).arg("--batch-size").arg("300").run().await;
    assert_eq!((ended.status.code(), figure(&ended, "accepted")), (Some(0), 5_000), "{ended:?}");
    let batches = ingestion.counter(BATCHES).await;
    assert!((17..100).contains(&batches), "{batches} requests");
    let mut of_site = BTreeMap::<String, Vec<f64>>::new();
    for entry in redis.entries(STREAM).await {
        let power = entry.fields[2].1.parse().unwrap();
        of_site.entry(entry.fields[0].1.clone()).or_default().push(power);
    }
    assert_eq!(of_site.values().map(Vec::len).sum::<usize>(), 5_000);
    assert!(of_site.len() == 7 && of_site.values().all(|powers| powers.is_sorted()));
}

#[tokio::test]
async fn an_import_in_other_batches_or_row_by_row_adds_nothing() {
    let (redis, ingestion) = start().await;
    let input = Input::new("a.ndjson", rows(2_500));
    let mut replayed = Vec::new();
    for size in ["1000", "1", "7", "999"] {
        let ended = import(&input.file, ingestion.base()).arg("--batch-size").arg(size).run().await;
        assert_eq!(
            (ended.status.code(), figure(&ended, "accepted")),
            (Some(0), 2_500),
            "{ended:?}"
        );
        replayed.push(figure(&ended, "replayed"));
    }
    assert_eq!(replayed, [0, 2_500, 2_500, 2_500]);
    assert_eq!(powers(&redis).await, all(2_500));
}

#[tokio::test]
async fn every_rejected_row_of_a_batch_is_in_the_rejects_file_with_its_line() {
    let (redis, ingestion) = start().await;
    let row = |number: usize| {
        let mut row = reading("house");
        row["power_reading"] = json!(if number.is_multiple_of(3) { -1.0 } else { 1.0 });
        format!("{row}\n")
    };
    let text: String = (0..1_500).map(row).collect();
    let input = Input::new("a.ndjson", format!("no json\n{text}"));
    let ended =
        import(&input.file, ingestion.base()).arg("--rejects").arg(input.rejects()).run().await;
    let figures = ["accepted", "rejected", "failed"].map(|name| figure(&ended, name));
    assert_eq!((ended.status.code(), figures), (Some(3), [1_000, 501, 0]), "{ended:?}");
    let rejected = input.rejected();
    let lines = rejected.iter().map(|entry| entry["line"].as_u64().unwrap());
    assert!(lines.eq([1].into_iter().chain((0..500).map(|number| 3 * number + 2))));
    assert_eq!(rejected[1]["reasons"][0]["type"], "greater_than_equal");
    assert!(rejected[1]["row"].as_str().unwrap().contains("-1.0"), "{}", rejected[1]);
    assert_eq!(entries(&redis).await, 1_000);
}

#[tokio::test]
async fn a_killed_import_a_killed_service_and_a_killed_redis_lose_nothing_and_add_nothing_twice() {
    const ROWS: u32 = 40_000;
    let (mut redis, port) = (RedisServer::start_durable().await, free_port());
    let start =
        async |redis: &RedisServer| ingestion_api(redis).env("INGESTION_PORT", port).start().await;
    let mut ingestion = start(&redis).await;
    let input = Input::new("a.ndjson", rows(ROWS as usize));
    let importing = || {
        let import =
            import(&input.file, ingestion_url(port).as_str()).arg("--batch-size").arg("100");
        import.arg("--retry-for").arg("30").start_process()
    };
    let under_way = async |redis: &RedisServer, more: usize| {
        wait::until("the import is under way", async || entries(redis).await > more).await;
    };
    let mut first = importing();
    under_way(&redis, 1_000).await;
    first.kill9();
    let mut second = importing();
    under_way(&redis, 6_000).await;
    ingestion.kill9();
    let _ingestion = start(&redis).await;
    under_way(&redis, 12_000).await;
    redis.kill9();
    redis.restart().await;
    let second = second.ended().await;
    assert_eq!(second.status.code(), Some(0), "{second:?}");
    assert_eq!(figure(&second, "accepted"), u64::from(ROWS));
    assert_eq!(powers(&redis).await, all(ROWS));
}

fn ingestion_url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

#[tokio::test]
async fn the_command_of_an_interrupted_import_sends_exactly_the_other_rows() {
    const ROWS: usize = 60_000;
    for arguments in
        [&["--batch-size", "200"][..], &["--batch-size", "200", "--no-idempotency-keys"]]
    {
        let (redis, ingestion) = start().await;
        let row = |number: usize| {
            let mut row = reading(&format!("site-{}", number % 5));
            row["power_reading"] = json!(number);
            row.to_string()
        };
        let input = Input::new("a.ndjson", (0..ROWS).map(row).collect::<Vec<_>>().join("\n"));
        let mut import = import(&input.file, ingestion.base());
        for argument in arguments {
            import = import.arg(argument);
        }
        let mut import = import.start_process();
        wait::until("the import is under way", async || entries(&redis).await > 2_000).await;
        import.signal("INT");
        let ended = import.ended().await;
        assert_eq!(ended.status.code(), Some(130), "{ended:?}");
        assert_eq!(figure(&ended, "accepted"), entries(&redis).await as u64);
        let command = named_command(&ended);
        let words: Vec<_> = command[1..].iter().map(String::as_str).collect();
        let second = launch(&words).run().await;
        assert_eq!(second.status.code(), Some(0), "{second:?}");
        assert_eq!(powers(&redis).await, all(u32::try_from(ROWS).unwrap()), "{arguments:?}");
    }
}
