//! The contents of Redis.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use redis::{FromRedisValue, Value as RedisValue, cmd};
use serde_json::Value;

use super::super::redis_at::RedisAt;
use crate::common::redis::{DEAD_LETTERS, GROUP, STREAM};

/// Every state that a reading can be in.
#[derive(Debug, Default)]
pub struct Contents {
    pub stored: Vec<Stored>,
    pub dead: Vec<DeadLetter>,
    /// How many entries the stream has.
    pub stream: usize,
}

/// A member of a sorted set.
#[derive(Debug)]
pub struct Stored {
    /// From the name of the key.
    pub site: String,
    pub score: f64,
    pub member: Value,
}

impl Stored {
    pub fn id(&self) -> &str {
        self.member["stream_id"].as_str().unwrap_or_default()
    }

    pub fn device(&self) -> &str {
        self.member["device_id"].as_str().unwrap_or_default()
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
    pub async fn read(redis: &mut RedisAt) -> Self {
        let mut contents =
            Self { stream: redis.run(&format!("XLEN {STREAM}")).await, ..Self::default() };
        let keys: Vec<String> = redis.run("KEYS site:*:readings").await;
        for key in keys {
            contents.stored.extend(members(redis, &key).await);
        }
        let dead_letters: Vec<(String, BTreeMap<String, String>)> =
            redis.run(&format!("XRANGE {DEAD_LETTERS} - +")).await;
        let field = |fields: &BTreeMap<String, String>, name| fields.get(name).cloned();
        contents.dead.extend(dead_letters.into_iter().map(|(_, fields)| DeadLetter {
            original_id: field(&fields, "original_id").unwrap_or_default(),
            reason: field(&fields, "reason").unwrap_or_default(),
            fields,
        }));
        contents
    }
}

/// The members of a key; none of a key of the wrong type.
async fn members(redis: &mut RedisAt, key: &str) -> Vec<Stored> {
    let mut command = cmd("ZRANGE");
    command.arg(key).arg(0).arg(-1).arg("WITHSCORES");
    let members: Vec<(String, f64)> = redis.query(&command).await.unwrap_or_default();
    let site = key.trim_start_matches("site:").trim_end_matches(":readings");
    let stored = |(member, score): (String, f64)| Stored {
        site: site.to_owned(),
        score,
        member: serde_json::from_str(&member).unwrap_or(Value::String(member)),
    };
    members.into_iter().map(stored).collect()
}

/// The group; `None` while it is missing or Redis does not respond.
pub async fn group(redis: &mut RedisAt) -> Option<Group> {
    let groups: Vec<HashMap<String, RedisValue>> =
        redis.try_run(&format!("XINFO GROUPS {STREAM}")).await.ok()?;
    let ours = |group: &HashMap<String, RedisValue>| text(&group["name"]).as_deref() == Some(GROUP);
    let group = groups.into_iter().find(ours)?;
    let last_delivered = text(&group["last-delivered-id"])?;
    let after = format!("XRANGE {STREAM} ({last_delivered} + COUNT 1");
    Some(Group {
        pending: u64::from_redis_value_ref(&group["pending"]).ok()?,
        lag: u64::from_redis_value_ref(&group["lag"]).ok(),
        has_more: !redis.try_run::<Vec<RedisValue>>(&after).await.ok()?.is_empty(),
    })
}

/// The names of the group's consumers.
pub async fn consumers(redis: &mut RedisAt) -> BTreeSet<String> {
    let consumers: Vec<HashMap<String, RedisValue>> =
        redis.try_run(&format!("XINFO CONSUMERS {STREAM} {GROUP}")).await.unwrap_or_default();
    consumers.iter().filter_map(|consumer| text(&consumer["name"])).collect()
}

fn text(value: &RedisValue) -> Option<String> {
    String::from_redis_value_ref(value).ok()
}
