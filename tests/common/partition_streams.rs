//! The streams of numbered partitions, filled without a service.

use ::readings::SiteId;
use ::readings::store::{Partition, PartitionCount};

use super::redis::{GROUP, RedisServer, STREAM};

/// The stream of a partition.
pub fn stream_of(partition: u16) -> String {
    format!("energy_readings:{{{partition}}}")
}

/// The dead letters of a partition.
pub fn dead_letters_of(partition: u16) -> String {
    format!("{}:dead", stream_of(partition))
}

/// Adds an entry to a stream; `id` may be `*`.
pub async fn add_to(
    redis: &RedisServer,
    stream: &str,
    id: &str,
    fields: &[(String, String)],
) -> String {
    let words = ["XADD", stream, id].map(str::to_owned).into_iter();
    let fields = fields.iter().flat_map(|(name, value)| [name.clone(), value.clone()]);
    redis.run(&words.chain(fields).collect::<Vec<_>>()).await
}

/// Creates the consumer group of a stream, and delivers `count` entries to one of its consumers, which never
/// acknowledges them.
pub async fn deliver(redis: &RedisServer, stream: &str, consumer: &str, count: usize) {
    redis.run::<()>(&["XGROUP", "CREATE", stream, GROUP, "0", "MKSTREAM"]).await;
    let count = count.to_string();
    let read = ["XREADGROUP", "GROUP", GROUP, consumer, "COUNT", &count, "STREAMS", stream, ">"];
    redis.run::<redis::Value>(&read).await;
}

/// The stream of a site's readings with this number of partitions.
pub fn stream_of_site(site: &str, count: u16) -> String {
    let count = PartitionCount::new(count).unwrap();
    match count.partition_of(&SiteId::new(site).unwrap()) {
        Partition::Whole => STREAM.to_owned(),
        Partition::Numbered(number) => stream_of(number),
    }
}
