//! The commands and keys that each role needs.
//!
//! Each is written as a probe: a form of the command that passes all checks of Redis (existence, number
//! of arguments, permissions) and then reads little or fails, and in no case changes anything. The
//! permissions (ACL rules) that follow from this are documented in `docs/delivery-guarantees.md`.

use redis::{Cmd, Value, cmd};

use super::probe::{
    Probe, array, empty, fails, fields, integer, nil, okay, pong, server_info, time, zero,
};
use crate::store::keys::{self, Keys};
use crate::store::partition::Partition;

/// A name of a consumer group, consumer, hash field and member that do not exist.
const ABSENT: &str = "energy-pipeline probe";

/// A script that does not compile, so that the server does not store it.
const INVALID_SCRIPT: &str = "(";

/// A hash that belongs to no script.
const ABSENT_HASH: &str = "0000000000000000000000000000000000000000";

/// The commands, keys and ids that a role needs.
#[derive(Debug, Clone, Default)]
pub struct Requirements {
    pub(super) probes: Vec<Probe>,
    /// `MULTI` and `EXEC`, in this order, where both are needed.
    pub(super) transaction: Option<[Probe; 2]>,
    /// Commands of the services that process what this role accepts: the server must know them, but this
    /// user needs no permission for them.
    pub(super) known: Vec<&'static str>,
    /// A prefix of keys that are spread over all slots of a Redis Cluster and that the user may read.
    pub(super) sampled_prefix: String,
    /// The stream that must have entry ids left.
    pub(super) stream: Option<String>,
}

impl Requirements {
    /// Those of the Ingestion API for a partition. What it accepts must be processed, so the server must know the
    /// commands of the Processing Service, too.
    #[must_use]
    pub fn for_ingestion(keys: &Keys) -> Self {
        let stream = keys.stream();
        // Of any window: permissions are for a pattern of keys.
        let hash = keys.idempotency(0, 0);
        let mut probes = vec![
            on("XADD", stream, &["0-0", "f", "v"], fails),
            on("HGET", &hash, &[ABSENT], nil),
            on("HSET", &hash, &["f", "v", "f"], fails),
            on("PEXPIRE", &hash, &["no number"], fails),
            create_group(keys),
            on("XLEN", &keys.dead_letters(), &[], integer),
        ];
        probes.extend(stream_probes(keys));
        if keys.partition() != Partition::Whole {
            probes.extend(announcing(keys));
        }
        probes.extend(scripts([stream, &hash]));
        probes.extend(server_probes());
        let known = names(&Self::for_processing(keys).probes);
        Self {
            probes,
            known,
            sampled_prefix: keys.probe(),
            stream: Some(stream.to_owned()),
            ..Self::default()
        }
    }

    /// Those of the Processing Service.
    #[must_use]
    pub fn for_processing(keys: &Keys) -> Self {
        let mut probes = reading_the_group(keys);
        probes.extend(writing(keys));
        probes.extend(dead_letters(keys));
        probes.extend(pipeline(keys));
        probes.extend(queries(keys));
        if keys.partition() != Partition::Whole {
            probes.push(partition_counts(keys));
        }
        probes.extend(scripts([keys.stream(), &keys.dead_letters(), &keys.dead_lettered_ids()]));
        probes.push(script_on([keys::ABSENT_SERIES]));
        probes.extend(server_probes());
        probes.extend([
            Probe::new("CLIENT ID", None, words(&["CLIENT", "ID"]), integer),
            Probe::new("CLIENT UNBLOCK", None, words(&["CLIENT", "UNBLOCK", "0"]), integer),
        ]);
        let transaction = [
            Probe::new("MULTI", None, cmd("MULTI"), okay),
            Probe::new("EXEC", None, cmd("EXEC"), fails),
        ];
        Self {
            probes,
            transaction: Some(transaction),
            sampled_prefix: keys.probe(),
            stream: Some(keys.stream().to_owned()),
            ..Self::default()
        }
    }

    /// Those of the queries alone.
    #[must_use]
    pub fn for_queries(keys: &Keys) -> Self {
        let mut probes = queries(keys);
        probes.extend(pipeline(keys));
        probes.push(on("XRANGE", &keys.dead_letters(), &["+", "-", "COUNT", "1"], empty));
        if keys.partition() != Partition::Whole {
            probes.push(partition_counts(keys));
        }
        probes.extend(scripts([keys::ABSENT_SERIES]));
        probes.extend(server_probes());
        Self { probes, sampled_prefix: keys.probe(), ..Self::default() }
    }

    /// Those of waiting for replicas.
    #[must_use]
    pub fn for_replica_wait(keys: &Keys) -> Self {
        let wait = Probe::new("WAIT", None, words(&["WAIT", "0", "1"]), integer);
        let probes = vec![on("SET", &keys.replica_mark(), &["", "NX", "XX"], fails), wait];
        Self { probes, ..Self::default() }
    }

    /// Those of reading from the replicas of a Redis Cluster, besides those of the queries.
    #[must_use]
    pub fn for_reads_of_cluster() -> Self {
        let readonly = Probe::new("READONLY", None, cmd("READONLY"), okay);
        let probes = vec![readonly, on("EXISTS", keys::ABSENT_SERIES, &[], zero)];
        Self { probes, ..Self::default() }
    }

    /// The union of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.probes.extend(other.probes);
        self.known.extend(other.known);
        self.transaction = self.transaction.or(other.transaction);
        self.stream = self.stream.or(other.stream);
        self
    }
}

/// A probe of a command whose first argument is a key.
fn on(name: &'static str, key: &str, rest: &[&str], expected: fn(&Value) -> bool) -> Probe {
    let mut command = words(&name.split(' ').collect::<Vec<_>>());
    command.arg(key).arg(rest);
    Probe::new(name, Some(key), command, expected)
}

fn words(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    command.arg(words);
    command
}

fn reading_the_group(keys: &Keys) -> Vec<Probe> {
    let stream = keys.stream();
    let mut read = cmd("XREADGROUP");
    read.arg("GROUP").arg(ABSENT).arg(ABSENT).arg("COUNT").arg(1);
    read.arg("STREAMS").arg(stream).arg(">");
    vec![
        Probe::new("XREADGROUP", Some(stream), read, fails),
        on("XACK", stream, &[ABSENT, "0-1"], zero),
        on("XAUTOCLAIM", stream, &[ABSENT, ABSENT, "0", "0", "COUNT", "1"], fails),
        on("XCLAIM", stream, &[ABSENT, ABSENT, "0", "0-1", "JUSTID"], fails),
        on("XTRIM", stream, &["MINID", "0-0"], zero),
        on("XRANGE", stream, &["+", "-", "COUNT", "1"], empty),
        on("XADD", stream, &["0-0", "f", "v"], fails),
        on("XGROUP DELCONSUMER", stream, &[ABSENT, ABSENT], fails),
        on("XINFO CONSUMERS", stream, &[ABSENT], fails),
        create_group(keys),
    ]
}

fn create_group(keys: &Keys) -> Probe {
    on("XGROUP CREATE", keys.stream(), &[ABSENT, "no id"], fails)
}

/// Announcing the number of partitions, and knowing that of other services.
fn announcing(keys: &Keys) -> [Probe; 5] {
    let counts = keys.partition_counts();
    [
        partition_counts(keys),
        on("HGET", &counts, &[ABSENT], nil),
        on("HSET", &counts, &["f", "v", "f"], fails),
        on("HDEL", &counts, &[ABSENT], zero),
        Probe::new("TIME", None, cmd("TIME"), time),
    ]
}

fn partition_counts(keys: &Keys) -> Probe {
    on("HGETALL", &keys.partition_counts(), &[], fields)
}

/// Writing readings, and heartbeats.
fn writing(keys: &Keys) -> Vec<Probe> {
    let (site, instances) = (keys::ABSENT_SERIES, keys.consumer_instances());
    let deleted = keys.deleted_ids();
    let add = |key: &str| on("ZADD", key, &["NX", "XX", "0", ABSENT], fails);
    vec![
        add(site),
        add(&keys.sites()),
        add(&instances),
        add(&deleted),
        on("ZMSCORE", &deleted, &[ABSENT], array),
        on("ZRANGE", &deleted, &["(0", "(0", "BYSCORE"], empty),
        on("ZREMRANGEBYSCORE", &deleted, &["(0", "(0"], zero),
        on("ZREM", site, &[ABSENT], zero),
        on("ZREMRANGEBYSCORE", site, &["(0", "(0"], zero),
        on("HKEYS", keys::ABSENT_ROLLUPS, &[], empty),
        on("HDEL", keys::ABSENT_ROLLUPS, &[ABSENT], zero),
        on("HINCRBY", keys::ABSENT_ROLLUPS, &[ABSENT, "no number"], fails),
        on("HSET", keys::ABSENT_DAYS, &["f", "v", "f"], fails),
        on("HDEL", keys::ABSENT_PACKED, &[ABSENT], zero),
        on("ZREMRANGEBYSCORE", &instances, &["(0", "(0"], zero),
        on("ZSCORE", &instances, &[ABSENT], nil),
        on("ZRANGE", &instances, &["(0", "(0", "BYSCORE"], empty),
    ]
}

fn dead_letters(keys: &Keys) -> Vec<Probe> {
    let (dead_letters, ids) = (keys.dead_letters(), keys.dead_lettered_ids());
    vec![
        on("XADD", &dead_letters, &["0-0", "f", "v"], fails),
        on("XTRIM", &dead_letters, &["MINID", "0-0"], zero),
        on("XRANGE", &dead_letters, &["+", "-", "COUNT", "1"], empty),
        on("XDEL", &dead_letters, &["0-0"], zero),
        on("ZADD", &ids, &["NX", "XX", "0", ABSENT], fails),
        on("ZSCORE", &ids, &[ABSENT], nil),
        on("ZRANGE", &ids, &["(0", "(0", "BYSCORE"], empty),
        on("ZREMRANGEBYRANK", &ids, &["1", "0"], zero),
    ]
}

/// Commands of `/pipeline`, `/health` and `/metrics`.
fn pipeline(keys: &Keys) -> Vec<Probe> {
    let mut probes = vec![
        on("XPENDING", keys.stream(), &[ABSENT], fails),
        on("XLEN", &keys.dead_letters(), &[], integer),
        Probe::new("TIME", None, cmd("TIME"), time),
    ];
    probes.extend(stream_probes(keys));
    probes
}

/// The reply of `XINFO STREAM` contains the first and the last entry, however large, so it is tried on a
/// key that does not exist.
fn stream_probes(keys: &Keys) -> [Probe; 2] {
    [on("XINFO STREAM", &keys.probe(), &[], fails), on("XINFO GROUPS", keys.stream(), &[], array)]
}

fn queries(keys: &Keys) -> Vec<Probe> {
    vec![
        on("ZRANGE", keys::ABSENT_SERIES, &["1", "0"], empty),
        on("ZRANK", keys::ABSENT_SERIES, &[ABSENT], nil),
        on("ZRANGE", &keys.sites(), &["1", "0"], empty),
        // Without them a service does not know which readings are packed.
        on("HGET", keys::ABSENT_DAYS, &[ABSENT], nil),
        on("HGETALL", keys::ABSENT_DAYS, &[], fields),
        on("HMGET", keys::ABSENT_PACKED, &[ABSENT], array),
        script_on([keys::ABSENT_SERIES, keys::ABSENT_PACKED, keys::ABSENT_DAYS]),
    ]
}

/// Runs a script that is not loaded, on these keys; loads a script that does not compile.
fn scripts<const KEYS: usize>(keys: [&str; KEYS]) -> [Probe; 2] {
    [
        script_on(keys),
        Probe::new("SCRIPT LOAD", None, words(&["SCRIPT", "LOAD", INVALID_SCRIPT]), fails),
    ]
}

fn script_on<const KEYS: usize>(keys: [&str; KEYS]) -> Probe {
    let mut run = cmd("EVALSHA");
    run.arg(ABSENT_HASH).arg(KEYS).arg(&keys);
    Probe::new("EVALSHA", Some(&keys.join(" ")), run, fails)
}

fn server_probes() -> [Probe; 2] {
    [
        Probe::new("PING", None, cmd("PING"), pong),
        Probe::new("INFO", None, words(&["INFO", "server"]), server_info),
    ]
}

/// The first words of the commands, each once.
fn names(probes: &[Probe]) -> Vec<&'static str> {
    let mut names: Vec<_> = probes.iter().map(Probe::command_name).collect();
    names.sort_unstable();
    names.dedup();
    names
}
