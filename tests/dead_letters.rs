//! An entry that can never be stored is moved to the dead-letter stream, with the reason, and
//! blocks no other.

use crate::common::product::processing_service;
use crate::common::readings::{NOON, add, add_backlog, fields};
use crate::common::redis::{DEAD_LETTERS, Entry, RedisServer, STREAM};
use crate::common::stored::{self, assert_each_is_stored_once, wait_until_settled};
use crate::common::wait;

fn field<'a>(letter: &'a Entry, name: &str) -> &'a str {
    let found = letter.fields.iter().find(|(n, _)| n == name);
    let (_, value) = found.unwrap_or_else(|| panic!("no {name} in {letter:?}"));
    value
}

fn without(name: &str) -> Vec<(String, String)> {
    fields("site", "1.0", NOON).into_iter().filter(|(n, _)| n != name).collect()
}

#[tokio::test]
async fn an_undecodable_entry_is_a_dead_letter_with_its_id_its_fields_and_the_reason() {
    let redis = RedisServer::start().await;
    let _processing = processing_service(&redis).start().await;
    for (entry, reason) in [
        (fields("site", "watts", NOON), "power_reading"),
        (fields("site", "inf", NOON), "power_reading"),
        (fields("site", "nan", NOON), "power_reading"),
        (fields("site", "1e400", NOON), "power_reading"),
        (fields("site", "-1.0", NOON), "power_reading"),
        (fields("site", "0x10", NOON), "power_reading"),
        (fields("site", "1.0", "yesterday"), "timestamp"),
        (fields("", "1.0", NOON), "site_id"),
        (without("site_id"), "site_id"),
        (without("device_id"), "device_id"),
        (without("power_reading"), "power_reading"),
        (without("timestamp"), "timestamp"),
        (vec![("foreign".to_owned(), "field".to_owned())], "site_id"),
    ] {
        let id = add(&redis, "*", &entry).await;
        wait_until_settled(&redis).await;
        let letters = redis.entries(DEAD_LETTERS).await;
        let letter = letters.last().expect("there is a dead letter");
        assert_eq!(field(letter, "original_id"), id, "{entry:?}");
        assert!(field(letter, "reason").contains(reason), "{reason} is not in {letter:?}");
        for (name, value) in &entry {
            assert_eq!(field(letter, &format!("field:{name}")), value);
        }
    }
    assert_eq!(stored::count(&redis).await, 0);
}

#[tokio::test]
async fn an_entry_with_thousands_of_fields_or_invalid_utf_8_is_dead_lettered_once() {
    let redis = RedisServer::start().await;
    let processing = processing_service(&redis).start().await;
    let wide: Vec<_> = (0..10_000).map(|n| format!("f{n}").into_bytes()).collect();
    let binary = [b"site_id", b"\xff\xfe\x00".as_slice()].map(<[u8]>::to_vec);
    let large = [b"site_id".to_vec(), vec![b'x'; 5_000_000]];
    for fields in [&wide[..], &binary, &large] {
        let command = ["XADD", STREAM, "*"].map(|word| word.as_bytes().to_vec());
        redis.run::<()>(&[&command, fields].concat()).await;
    }
    let neighbour = add(&redis, "*", &fields("site", "1.0", NOON)).await;
    wait_until_settled(&redis).await;
    assert_eq!(redis.run::<usize>(&["XLEN", DEAD_LETTERS]).await, 3);
    let stored = processing.get("/sites/site/readings").await.json();
    assert_eq!(stored["readings"][0]["stream_id"], neighbour);
}

#[tokio::test]
async fn dead_letters_do_not_block_other_entries() {
    let redis = RedisServer::start().await;
    for n in 0..600 {
        let power = if n % 3 == 0 { "poison" } else { "1.0" };
        add(&redis, "*", &fields(&format!("site-{}", n % 5), power, NOON)).await;
    }
    let processing = processing_service(&redis).start().await;
    wait_until_settled(&redis).await;
    assert_eq!(stored::count(&redis).await, 400);
    assert_eq!(redis.entries(DEAD_LETTERS).await.len(), 200, "each once");
    assert_eq!(processing.counter("energy_pipeline_entries_dead_lettered_total").await, 200);
}

#[tokio::test]
async fn a_site_key_of_the_wrong_type_blocks_no_other_site() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["SET", "site:bad:readings", "text"]).await;
    let mut bad = Vec::new();
    for n in 0..100 {
        let site = if n % 2 == 0 { "bad" } else { "good" };
        let id = add(&redis, "*", &fields(site, "1.0", NOON)).await;
        if site == "bad" {
            bad.push(id);
        }
    }
    let processing = processing_service(&redis).start().await;
    wait_until_settled(&redis).await;
    let letters = redis.entries(DEAD_LETTERS).await;
    let mut dead_lettered: Vec<_> = letters.iter().map(|l| field(l, "original_id")).collect();
    dead_lettered.sort_unstable();
    bad.sort_unstable();
    assert_eq!(dead_lettered, bad);
    assert!(letters.iter().all(|letter| field(letter, "reason").contains("WRONGTYPE")));
    let good = processing.get("/sites/good/readings").await.json();
    assert_eq!(good["readings"].as_array().unwrap().len(), 50);
}

#[tokio::test]
async fn a_site_index_of_the_wrong_type_blocks_no_reading() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["SET", "energy_readings:sites", "text"]).await;
    let ids = add_backlog(&redis, 100, 7).await;
    let _processing = processing_service(&redis).start().await;
    assert_each_is_stored_once(&redis, &ids).await;
}

#[tokio::test]
async fn an_entry_that_cannot_be_dead_lettered_is_not_lost_with_its_service() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["SET", DEAD_LETTERS, "text"]).await;
    let poison = add(&redis, "*", &fields("site", "poison", NOON)).await;
    let mut first = processing_service(&redis).start().await;
    wait::until("it has tried", async || first.stderr().contains("WRONGTYPE")).await;
    first.kill9();
    assert_eq!(redis.group().await.pending, 1, "acknowledged, and not dead-lettered");
    redis.run::<()>(&["DEL", DEAD_LETTERS]).await;
    let _second = processing_service(&redis).start().await;
    wait_until_settled(&redis).await;
    let letters = redis.entries(DEAD_LETTERS).await;
    assert_eq!(letters.iter().map(|l| field(l, "original_id")).collect::<Vec<_>>(), [poison]);
}
