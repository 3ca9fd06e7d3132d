//! Which partitions are current while their number is changed, in a real Redis.
#![cfg(test)]

mod support;

use readings::store::stream::StreamPartitions;
use readings::store::{Keys, Partition, PartitionCount};

use self::support::redis::RedisServer;
use self::support::{shared, wait};

const COUNTS: &str = "{energy_readings}:partitions";

fn count(count: u16) -> PartitionCount {
    PartitionCount::new(count).unwrap()
}

async fn partitions(redis: &RedisServer, number: u16) -> StreamPartitions {
    wait::until("Redis answers", async || redis.try_run::<String>(&["PING"]).await.is_ok()).await;
    let keys = Keys::new("energy_readings", "processing_group");
    StreamPartitions::new(&keys, count(number), &shared(redis))
}

/// The current partitions, after a refresh.
async fn current(partitions: &StreamPartitions) -> Vec<String> {
    partitions.refresh().await.unwrap();
    let current = partitions.current();
    current.iter().map(|stream| stream.keys().partition().to_string()).collect()
}

/// Records an announcement that is not fresh any more.
async fn announced_long_ago(redis: &RedisServer, number: u16) {
    redis.run::<()>(&["HSET", COUNTS, "1", "0", &number.to_string(), "1000"]).await;
}

#[tokio::test]
async fn one_partition_announces_nothing_and_reads_the_stream_alone() {
    let redis = RedisServer::start().await;
    let one = partitions(&redis, 1).await;
    let announcing = tokio::spawn(one.clone().keep_announced());
    assert_eq!(current(&one).await, ["whole"]);
    wait::until("it has looked for other counts", async || {
        redis.run::<String>(&["INFO", "commandstats"]).await.contains("cmdstat_hget:")
    })
    .await;
    assert_eq!(redis.run::<u8>(&["EXISTS", COUNTS]).await, 0);
    announcing.abort();
}

#[tokio::test]
async fn partitions_of_an_announced_count_are_current() {
    let redis = RedisServer::start().await;
    let (one, four) = (partitions(&redis, 1).await, partitions(&redis, 4).await);
    let mut changes = one.changes();
    assert_eq!(current(&one).await, ["whole"]);
    assert!(!changes.has_changed().unwrap());
    four.announce(four.count()).await.unwrap();
    assert_eq!(current(&one).await, ["whole", "0", "1", "2", "3"]);
    assert!(changes.has_changed().unwrap());
    let whole = std::iter::once(Partition::Whole);
    let expected: Vec<_> = whole.chain(count(4).partitions()).collect();
    assert_eq!(changes.borrow_and_update().to_vec(), expected);
    assert_eq!(current(&four).await, ["0", "1", "2", "3"], "the stream itself has no entries");
}

#[tokio::test]
async fn one_partition_is_announced_where_another_count_was() {
    let redis = RedisServer::start().await;
    announced_long_ago(&redis, 4).await;
    let one = partitions(&redis, 1).await;
    let announcing = tokio::spawn(one.keep_announced());
    wait::until("it is announced", async || redis.run::<u64>(&["HGET", COUNTS, "1"]).await > 1_000)
        .await;
    announcing.abort();
}

#[tokio::test]
async fn a_partition_with_unread_entries_is_current_by_whichever_service() {
    let redis = RedisServer::start().await;
    announced_long_ago(&redis, 4).await;
    let two = partitions(&redis, 2).await;
    assert_eq!(current(&two).await, ["0", "1"]);
    redis.run::<()>(&["XADD", "energy_readings:{3}", "1-1", "f", "v"]).await;
    assert_eq!(current(&two).await, ["0", "1", "3"], "there is no group yet");
    redis.run::<()>(&["XADD", "energy_readings", "1-1", "f", "v"]).await;
    assert_eq!(current(&two).await, ["whole", "0", "1", "3"]);
}

#[tokio::test]
async fn a_partition_retires_when_its_entries_are_acknowledged_and_comes_back() {
    let redis = RedisServer::start().await;
    announced_long_ago(&redis, 4).await;
    let two = partitions(&redis, 2).await;
    let third = two.of_partition(Partition::Numbered(3));
    redis.run::<()>(&["XADD", "energy_readings:{3}", "1-1", "f", "v"]).await;
    third.ensure_group().await.unwrap();
    assert_eq!(current(&two).await, ["0", "1", "3"], "unread");
    let read =
        ["XREADGROUP", "GROUP", "processing_group", "one", "STREAMS", "energy_readings:{3}", ">"];
    redis.run::<redis::Value>(&read).await;
    assert_eq!(current(&two).await, ["0", "1", "3"], "pending");
    redis.run::<()>(&["XACK", "energy_readings:{3}", "processing_group", "1-1"]).await;
    assert_eq!(current(&two).await, ["0", "1"]);
    redis.run::<()>(&["XADD", "energy_readings:{3}", "1-2", "f", "v"]).await;
    assert_eq!(current(&two).await, ["0", "1", "3"], "a late append");
}

#[tokio::test]
async fn a_partition_with_new_or_untrimmed_entries_or_dead_letters_does_not_retire() {
    let redis = RedisServer::start().await;
    announced_long_ago(&redis, 8).await;
    let one = partitions(&redis, 1).await;
    for partition in [2, 3, 4] {
        let stream = one.of_partition(Partition::Numbered(partition));
        stream.ensure_group().await.unwrap();
    }
    let acknowledge = async |stream: &str, id: &str| {
        redis.run::<()>(&["XGROUP", "SETID", stream, "processing_group", id]).await;
    };
    let new: String = redis.run(&["XADD", "energy_readings:{2}", "*", "f", "v"]).await;
    acknowledge("energy_readings:{2}", &new).await;
    for number in 1..200 {
        let id = format!("1-{number}");
        redis.run::<()>(&["XADD", "energy_readings:{3}", &id, "f", "v"]).await;
    }
    acknowledge("energy_readings:{3}", "1-199").await;
    redis.run::<()>(&["XADD", "energy_readings:{4}:dead", "1-1", "f", "v"]).await;
    assert_eq!(current(&one).await, ["whole", "2", "3", "4"]);
    redis.run::<()>(&["XTRIM", "energy_readings:{3}", "MAXLEN", "50"]).await;
    redis.run::<()>(&["DEL", "energy_readings:{4}:dead"]).await;
    assert_eq!(current(&one).await, ["whole", "2"]);
}

#[tokio::test]
async fn a_count_is_forgotten_after_a_week_when_its_partitions_are_retired() {
    let redis = RedisServer::start().await;
    announced_long_ago(&redis, 4).await;
    redis.run::<()>(&["XADD", "energy_readings:{3}", "1-1", "f", "v"]).await;
    let two = partitions(&redis, 2).await;
    let counts = async || redis.run::<Vec<String>>(&["HKEYS", COUNTS]).await;
    let announced = async || {
        current(&two).await;
        redis.run::<()>(&["HDEL", COUNTS, "2"]).await;
        let announcing = tokio::spawn(two.clone().keep_announced());
        wait::until("it is announced", async || {
            redis.run::<u8>(&["HEXISTS", COUNTS, "2"]).await == 1
        })
        .await;
        announcing.abort_handle()
    };
    announced().await.abort();
    assert_eq!(counts().await, ["1", "4", "2"], "partition 3 has an entry");
    redis.run::<()>(&["DEL", "energy_readings:{3}"]).await;
    let announcing = announced().await;
    wait::until("4 is forgotten", async || counts().await == ["1", "2"]).await;
    announcing.abort();
}

#[tokio::test]
async fn instances_of_one_process_share_what_a_refresh_finds() {
    let redis = RedisServer::start().await;
    let one = partitions(&redis, 1).await;
    let other = one.with_connection(&shared(&redis));
    partitions(&redis, 2).await.announce(count(2)).await.unwrap();
    assert_eq!(other.current().len(), 1);
    assert_eq!(current(&one).await, ["whole", "0", "1"]);
    assert_eq!(other.current().len(), 3);
}

#[tokio::test]
async fn what_cannot_be_read_leaves_the_partitions_as_they_are() {
    let mut redis = RedisServer::start().await;
    let one = partitions(&redis, 1).await;
    partitions(&redis, 2).await.announce(count(2)).await.unwrap();
    assert_eq!(current(&one).await, ["whole", "0", "1"]);
    redis.kill9();
    assert!(one.refresh().await.is_err());
    assert_eq!(one.current().len(), 3);
}
