//! The contents of Redis.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use archive::ParquetArchive;
use chrono::DateTime;
use redis::{FromRedisValue, Value as RedisValue};
use serde_json::Value;

use super::super::redis_at::RedisAt;
use crate::common::redis::{DEAD_LETTERS, GROUP, STREAM};
use crate::common::tiers::{self, SiteTiers};

/// A reading, by its device, which is unique, and the id of its entry.
pub type StoredAs = (String, String);

/// Every state that a reading can be in.
#[derive(Debug, Default)]
pub struct Contents {
    /// In whatever tier, once.
    pub stored: Vec<Stored>,
    /// How many are in packed days.
    pub packed: usize,
    /// How many are in archived days.
    pub archived: usize,
    /// Members that are in two tiers.
    pub in_two_tiers: Vec<String>,
    /// Packed days that are not what their headers say.
    pub faults: Vec<String>,
    pub dead: Vec<DeadLetter>,
    /// How many entries the stream has, in all partitions.
    pub stream: usize,
}

/// The streams of a server, by their names.
#[derive(Debug, Default)]
struct Streams {
    /// The stream of readings, or partitions of it.
    readings: Vec<String>,
    dead_letters: Vec<String>,
}

/// A member of a sorted set, or of a packed day.
#[derive(Debug)]
pub struct Stored {
    /// From the name of the key.
    pub site: String,
    /// Of a packed member that of its timestamp: no other is packed.
    pub score: f64,
    pub member: Value,
}

impl Stored {
    fn of(site: &str, (member, score): (String, f64)) -> Self {
        let member = serde_json::from_str(&member).unwrap_or(Value::String(member));
        Self { site: site.to_owned(), score, member }
    }

    pub fn id(&self) -> &str {
        self.member["stream_id"].as_str().unwrap_or_default()
    }

    pub fn device(&self) -> &str {
        self.member["device_id"].as_str().unwrap_or_default()
    }

    pub fn stored_as(&self) -> (&str, &str) {
        (self.device(), self.id())
    }
}

/// A dead letter.
#[derive(Debug)]
pub struct DeadLetter {
    pub original_id: String,
    pub reason: String,
    pub fields: BTreeMap<String, String>,
}

impl DeadLetter {
    pub fn device(&self) -> Option<&str> {
        self.fields.get("field:device_id").map(String::as_str)
    }

    /// Device and id of its entry.
    pub fn dead_as(&self) -> (&str, &str) {
        (self.device().unwrap_or_default(), &self.original_id)
    }
}

/// The consumer group of the processing services.
#[derive(Debug)]
pub struct Group {
    pub pending: u64,
    pub lag: Option<u64>,
    /// Whether there are entries after the last delivered id.
    pub has_more: bool,
}

impl Group {
    pub const fn is_idle(&self) -> bool {
        self.pending == 0 && (matches!(self.lag, Some(0)) || !self.has_more)
    }
}

impl Contents {
    /// The contents of all these servers and an archive together.
    pub async fn read(redis: &mut [RedisAt], archive: Option<&ParquetArchive>) -> Self {
        let mut contents = Self::default();
        for redis in redis {
            contents.add(redis, archive).await;
        }
        contents
    }

    async fn add(&mut self, redis: &mut RedisAt, archive: Option<&ParquetArchive>) {
        let mut connection = redis.connection().await.unwrap();
        for site in tiers::sites(&mut connection).await.unwrap() {
            // Err: a key of the wrong type, which has no members.
            if let Ok(mut site) = SiteTiers::read(&mut connection, &site).await {
                if let Some(archive) = archive {
                    site.read_archive(archive).await;
                }
                self.add_site(site);
            }
        }
        let streams = Streams::of(redis).await;
        for stream in streams.readings {
            self.stream += redis.run::<usize>(&format!("XLEN {stream}")).await;
        }
        for stream in streams.dead_letters {
            let dead_letters = redis.run::<Vec<_>>(&format!("XRANGE {stream} - +")).await;
            self.dead.extend(dead_letters.into_iter().map(DeadLetter::of));
        }
    }

    fn add_site(&mut self, tiers: SiteTiers) {
        let of_two = tiers.in_two_tiers();
        self.in_two_tiers.extend(of_two.iter().map(ToString::to_string));
        let hot: BTreeSet<_> = tiers.hot.iter().map(|(member, _)| member.as_str()).collect();
        self.packed += tiers.packed_members().count();
        self.archived += tiers.archived_members().count();
        let union = tiers.union();
        let others = union.difference(&hot).map(|member| ((*member).to_owned(), score_of(member)));
        let stored: Vec<_> = tiers.hot.iter().cloned().chain(others).collect();
        self.stored.extend(stored.into_iter().map(|member| Stored::of(&tiers.site, member)));
        self.faults.extend(tiers.faults);
    }

    /// The entries of a server's streams that have a device.
    pub async fn entries(redis: &mut RedisAt) -> BTreeSet<StoredAs> {
        let mut found = BTreeSet::new();
        for stream in Streams::of(redis).await.readings {
            let entries: Vec<(String, BTreeMap<String, RedisValue>)> =
                redis.run(&format!("XRANGE {stream} - +")).await;
            found.extend(
                entries
                    .iter()
                    .filter_map(|(id, fields)| Some((text(fields.get("device_id")?)?, id.clone()))),
            );
        }
        found
    }

    /// Device and id of what is stored.
    pub fn stored_as(&self) -> BTreeSet<StoredAs> {
        let stored = self.stored.iter().map(Stored::stored_as);
        stored.map(|(device, id)| (device.to_owned(), id.to_owned())).collect()
    }
}

impl DeadLetter {
    fn of((_, fields): (String, BTreeMap<String, String>)) -> Self {
        let field = |name| fields.get(name).cloned().unwrap_or_default();
        Self { original_id: field("original_id"), reason: field("reason"), fields }
    }
}

impl Streams {
    async fn of(redis: &mut RedisAt) -> Self {
        let scan = "SCAN 0 COUNT 1000000000 TYPE stream";
        let (_, names): (String, Vec<String>) = redis.try_run(scan).await.unwrap_or_default();
        let is_partition = |name: &str| {
            name.strip_prefix(STREAM)
                .is_some_and(|rest| rest.starts_with(":{") && rest.ends_with('}'))
        };
        let mut streams = Self::default();
        for name in names {
            if name == STREAM || is_partition(&name) {
                streams.readings.push(name);
            } else if name == DEAD_LETTERS || name.ends_with("}:dead") {
                streams.dead_letters.push(name);
            }
        }
        streams
    }
}

/// The score of a packed member.
#[expect(clippy::cast_precision_loss, reason = "exact in this century")]
fn score_of(member: &str) -> f64 {
    let member: Value = serde_json::from_str(member).expect("packed members are JSON");
    let timestamp = member["timestamp"].as_str().expect("packed members have timestamps");
    let instant =
        DateTime::parse_from_rfc3339(timestamp).expect("a timestamp as the product has it");
    instant.timestamp_micros() as f64 / 1e6
}

/// The group of each partition; `None` while one is missing or a server does not respond.
pub async fn groups(redis: &mut [RedisAt]) -> Option<Vec<Group>> {
    let mut groups = Vec::new();
    for redis in redis {
        for stream in Streams::of(redis).await.readings {
            groups.push(group(redis, &stream).await?);
        }
    }
    (!groups.is_empty()).then_some(groups)
}

async fn group(redis: &mut RedisAt, stream: &str) -> Option<Group> {
    let groups: Vec<HashMap<String, RedisValue>> =
        redis.try_run(&format!("XINFO GROUPS {stream}")).await.ok()?;
    let ours = |group: &HashMap<String, RedisValue>| text(&group["name"]).as_deref() == Some(GROUP);
    let group = groups.into_iter().find(ours)?;
    let last_delivered = text(&group["last-delivered-id"])?;
    let after = format!("XRANGE {stream} ({last_delivered} + COUNT 1");
    Some(Group {
        pending: u64::from_redis_value_ref(&group["pending"]).ok()?,
        lag: u64::from_redis_value_ref(&group["lag"]).ok(),
        has_more: !redis.try_run::<Vec<RedisValue>>(&after).await.ok()?.is_empty(),
    })
}

/// The names of the group's consumers, in all partitions.
pub async fn consumers(redis: &mut [RedisAt]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for redis in redis {
        for stream in Streams::of(redis).await.readings {
            let consumers: Vec<HashMap<String, RedisValue>> = redis
                .try_run(&format!("XINFO CONSUMERS {stream} {GROUP}"))
                .await
                .unwrap_or_default();
            names.extend(consumers.iter().filter_map(|consumer| text(&consumer["name"])));
        }
    }
    names
}

fn text(value: &RedisValue) -> Option<String> {
    String::from_redis_value_ref(value).ok()
}
