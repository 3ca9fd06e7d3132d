//! What each role needs of Redis: the commands, and the keys that it uses them on.
//!
//! Each is written as a probe: a form of the command that Redis takes through all its checks (that the
//! command exists, its number of arguments, the user's rights) and that then reads what is small, or
//! fails, and in no case changes anything. `docs/delivery-guarantees.md` has the rights that follow from this.

use redis::{Cmd, Value, cmd};

use super::probe::{
    Probe, array, fails, integer, nil, nothing, okay, pong, server_info, time, zero,
};
use crate::store::keys::{self, Keys};

/// A consumer group and a member that do not exist.
const NOBODYS: &str = "energy-pipeline probe";

/// A script that does not compile, so that it is not kept.
const NO_SCRIPT: &str = "(";

/// The hash of no script.
const NO_HASH: &str = "0000000000000000000000000000000000000000";

/// What a role needs of a server.
#[derive(Debug, Clone, Default)]
pub struct Requirements {
    pub(super) probes: Vec<Probe>,
    /// `MULTI` and `EXEC`, in this order, where both are needed.
    pub(super) transaction: Option<[Probe; 2]>,
    /// Commands that others need for the work of this role to be of use: the server must know them,
    /// but this user need not have the right to them.
    pub(super) known: Vec<&'static str>,
    /// Keys that begin so are in all slots of a Redis Cluster, and the user may read them.
    pub(super) sampled: String,
    /// The stream that must have ids left.
    pub(super) last_id: Option<String>,
}

impl Requirements {
    /// Of the Ingestion API. What it takes must be processed, so the server must know the commands of
    /// the Processing Service too.
    #[must_use]
    pub fn of_ingestion(keys: &Keys) -> Self {
        let (stream, hash) = (keys.stream(), keys.idempotency(0, 0));
        let mut probes = vec![
            on("XADD", stream, &["0-0", "f", "v"], fails),
            on("HGET", &hash, &[NOBODYS], nil),
            on("HSET", &hash, &["f", "v", "f"], fails),
            on("PEXPIRE", &hash, &["no number"], fails),
            create_group(keys),
            on("XLEN", &keys.dead_letters(), &[], integer),
        ];
        probes.extend(about_the_stream(keys));
        probes.extend(scripts([stream, &hash]));
        probes.extend(about_the_server());
        let known = names(&Self::of_processing(keys).probes);
        let (sampled, last_id) = (keys.probe(), Some(stream.to_owned()));
        Self { probes, known, sampled, last_id, ..Self::default() }
    }

    /// Of the Processing Service.
    #[must_use]
    pub fn of_processing(keys: &Keys) -> Self {
        let mut probes = reading_the_group(keys);
        probes.extend(writing(keys));
        probes.extend(dead_letters(keys));
        probes.extend(pipeline(keys));
        probes.extend(queries(keys));
        probes.extend(scripts([keys.stream(), &keys.dead_letters(), &keys.buried()]));
        probes.push(script_on([keys::NOBODYS_SERIES]));
        probes.extend(about_the_server());
        probes.extend([
            Probe::new("CLIENT ID", None, words(&["CLIENT", "ID"]), integer),
            Probe::new("CLIENT UNBLOCK", None, words(&["CLIENT", "UNBLOCK", "0"]), integer),
        ]);
        let transaction = [
            Probe::new("MULTI", None, cmd("MULTI"), okay),
            Probe::new("EXEC", None, cmd("EXEC"), fails),
        ];
        let last_id = Some(keys.stream().to_owned());
        let (transaction, sampled) = (Some(transaction), keys.probe());
        Self { probes, transaction, sampled, last_id, ..Self::default() }
    }

    /// Of the queries alone.
    #[must_use]
    pub fn of_queries(keys: &Keys) -> Self {
        let mut probes = queries(keys);
        probes.extend(pipeline(keys));
        probes.push(on("XRANGE", &keys.dead_letters(), &["+", "-", "COUNT", "1"], nothing));
        probes.extend(scripts([keys::NOBODYS_SERIES]));
        probes.extend(about_the_server());
        Self { probes, sampled: keys.probe(), ..Self::default() }
    }

    /// Both what one and what the other needs.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.probes.extend(other.probes);
        self.known.extend(other.known);
        self.transaction = self.transaction.or(other.transaction);
        self.last_id = self.last_id.or(other.last_id);
        self
    }
}

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
    read.arg("GROUP").arg(NOBODYS).arg(NOBODYS).arg("COUNT").arg(1);
    read.arg("STREAMS").arg(stream).arg(">");
    vec![
        Probe::new("XREADGROUP", Some(stream), read, fails),
        on("XACK", stream, &[NOBODYS, "0-1"], zero),
        on("XAUTOCLAIM", stream, &[NOBODYS, NOBODYS, "0", "0", "COUNT", "1"], fails),
        on("XCLAIM", stream, &[NOBODYS, NOBODYS, "0", "0-1", "JUSTID"], fails),
        on("XTRIM", stream, &["MINID", "0-0"], zero),
        on("XRANGE", stream, &["+", "-", "COUNT", "1"], nothing),
        on("XADD", stream, &["0-0", "f", "v"], fails),
        on("XGROUP DELCONSUMER", stream, &[NOBODYS, NOBODYS], fails),
        on("XINFO CONSUMERS", stream, &[NOBODYS], fails),
        create_group(keys),
    ]
}

fn create_group(keys: &Keys) -> Probe {
    on("XGROUP CREATE", keys.stream(), &[NOBODYS, "no id"], fails)
}

/// Storing readings, and showing that one is alive.
fn writing(keys: &Keys) -> Vec<Probe> {
    let (site, lives) = (keys::NOBODYS_SERIES, keys.lives());
    let add = |key: &str| on("ZADD", key, &["NX", "XX", "0", NOBODYS], fails);
    vec![
        add(site),
        add(&keys.sites()),
        add(&lives),
        on("ZREM", site, &[NOBODYS], zero),
        on("ZREMRANGEBYSCORE", site, &["(0", "(0"], zero),
        on("ZREMRANGEBYSCORE", &lives, &["(0", "(0"], zero),
        on("ZSCORE", &lives, &[NOBODYS], nil),
        on("ZRANGE", &lives, &["(0", "(0", "BYSCORE"], nothing),
    ]
}

fn dead_letters(keys: &Keys) -> Vec<Probe> {
    let (letters, buried) = (keys.dead_letters(), keys.buried());
    vec![
        on("XADD", &letters, &["0-0", "f", "v"], fails),
        on("XTRIM", &letters, &["MINID", "0-0"], zero),
        on("XRANGE", &letters, &["+", "-", "COUNT", "1"], nothing),
        on("XDEL", &letters, &["0-0"], zero),
        on("ZADD", &buried, &["NX", "XX", "0", NOBODYS], fails),
        on("ZSCORE", &buried, &[NOBODYS], nil),
        on("ZRANGE", &buried, &["(0", "(0", "BYSCORE"], nothing),
        on("ZREMRANGEBYRANK", &buried, &["1", "0"], zero),
    ]
}

/// What `/pipeline`, `/health` and `/metrics` show.
fn pipeline(keys: &Keys) -> Vec<Probe> {
    let mut probes = vec![
        on("XPENDING", keys.stream(), &[NOBODYS], fails),
        on("XLEN", &keys.dead_letters(), &[], integer),
        Probe::new("TIME", None, cmd("TIME"), time),
    ];
    probes.extend(about_the_stream(keys));
    probes
}

/// `XINFO STREAM` brings the first and the last entry, however large: here of a key that is not there.
fn about_the_stream(keys: &Keys) -> [Probe; 2] {
    [on("XINFO STREAM", &keys.probe(), &[], fails), on("XINFO GROUPS", keys.stream(), &[], array)]
}

fn queries(keys: &Keys) -> Vec<Probe> {
    vec![
        on("ZRANGE", keys::NOBODYS_SERIES, &["1", "0"], nothing),
        on("ZRANK", keys::NOBODYS_SERIES, &[NOBODYS], nil),
        on("ZRANGE", &keys.sites(), &["1", "0"], nothing),
    ]
}

/// A script that is not known, on these keys; and one that does not compile.
fn scripts<const KEYS: usize>(keys: [&str; KEYS]) -> [Probe; 2] {
    [script_on(keys), Probe::new("SCRIPT LOAD", None, words(&["SCRIPT", "LOAD", NO_SCRIPT]), fails)]
}

fn script_on<const KEYS: usize>(keys: [&str; KEYS]) -> Probe {
    let mut run = cmd("EVALSHA");
    run.arg(NO_HASH).arg(KEYS).arg(&keys);
    Probe::new("EVALSHA", Some(&keys.join(" ")), run, fails)
}

fn about_the_server() -> [Probe; 2] {
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
