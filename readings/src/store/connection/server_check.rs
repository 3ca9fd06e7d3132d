//! The check of a server on a new connection, before its first command.
//!
//! A server that cannot be used is not connected to, so that no reading is accepted that could not be
//! stored: a node of a Redis Cluster that lacks slots, a server without the needed commands, one that is
//! not Redis. Missing permissions and an exhausted stream are reported: the service is not ready then,
//! and does what it can.

use std::sync::LazyLock;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, Pipeline, Script, Value, cmd};

use super::cluster::SLOTS;
use super::probe::{Probe, ProbeResult};
use super::reply;
use super::requirements::Requirements;
use super::server::RedisServer;
use super::server_info::ServerInfo;
use crate::store::error::{CONNECT, ServerName, StoreError, StoreResult};
use crate::store::error_class::{ErrorClass, is_unknown_command};
use crate::store::stream_id::StreamId;

/// Keys that are tried for hash slots. Too few and a node is used that lacks a few slots (a node that
/// lacks one in a hundred is missed once in 30,000); too many and connecting takes longer.
const SAMPLED_KEYS: usize = 1_024;

const NOT_REDIS: &str = "the server does not reply as Redis does; name a Redis server";

const NOT_ALL_SLOTS: &str = "Redis is a node of a Redis Cluster that does not own all hash slots, so that \
                             readings could not be stored: name the cluster with redis+cluster:// \
                             (rediss+cluster:// with TLS) in REDIS_URL";

/// Gives the last id of a stream. A script, because the reply of `XINFO STREAM` contains two entries,
/// which may be large.
static LAST_ID: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local found = redis.call('XINFO', 'STREAM', KEYS[1])
         for i = 1, #found, 2 do
             if found[i] == 'last-generated-id' then return found[i + 1] end
         end
         return false",
    )
});

/// The result of a check: missing permissions and ids.
#[derive(Debug, Clone, Default)]
pub struct ServerCheck {
    user: String,
    denied: Vec<String>,
    exhausted: Option<String>,
    /// A node of a Redis Cluster owns all slots until some are moved to another.
    is_cluster_node: bool,
}

impl ServerCheck {
    /// Adds what another server lacks.
    pub(super) fn add(&mut self, other: Self) {
        let Self { user, denied, exhausted, is_cluster_node } = other;
        self.user = user;
        self.denied.extend(denied);
        self.denied.sort_unstable();
        self.denied.dedup();
        self.exhausted = self.exhausted.take().or(exhausted);
        self.is_cluster_node |= is_cluster_node;
    }

    /// The user, and the commands with keys that it is denied.
    pub(super) fn denied(&self) -> Option<(&str, &[String])> {
        (!self.denied.is_empty()).then_some((self.user.as_str(), &self.denied))
    }

    /// The stream that has run out of entry ids.
    pub(super) fn exhausted(&self) -> Option<&str> {
        self.exhausted.as_deref()
    }

    /// Whether another check may have another result although no command was rejected since.
    pub(super) const fn may_change(&self) -> bool {
        !self.denied.is_empty() || self.exhausted.is_some() || self.is_cluster_node
    }
}

/// Checks the server of a connection.
pub(super) async fn check_server(
    connection: &mut MultiplexedConnection,
    server: &RedisServer,
    name: &ServerName,
) -> StoreResult<ServerCheck> {
    let required = server.requirements();
    let mut checker = Checker { connection, name, required, denied: Vec::new() };
    // A node that the slot map names has some of the slots.
    let is_cluster_node = checker.check_cluster(server.is_cluster_node()).await?;
    checker.check_permissions().await?;
    checker.check_commands().await?;
    let exhausted = checker.check_last_id().await?;
    let (user, denied) = (server.user().to_owned(), checker.denied);
    Ok(ServerCheck { user, denied, exhausted, is_cluster_node })
}

struct Checker<'a> {
    connection: &'a mut MultiplexedConnection,
    name: &'a ServerName,
    required: &'a Requirements,
    denied: Vec<String>,
}

impl Checker<'_> {
    /// Whether it is a node of a Redis Cluster that must own all slots; one that does not is an error.
    async fn check_cluster(&mut self, may_lack_slots: bool) -> StoreResult<bool> {
        let info = self.request([cmd("INFO")]).await?.pop().unwrap_or(Value::Nil);
        match info {
            // Reported by `check_permissions`.
            Value::ServerError(error) if error.code() == "NOPERM" => return Ok(false),
            Value::ServerError(error) => return Err(self.failed(error.into())),
            _ => {}
        }
        let info = reply::text(info).and_then(|info| ServerInfo::parse(&info));
        let info = info.ok_or_else(|| self.unsuitable(NOT_REDIS.to_owned()))?;
        if may_lack_slots {
            return Ok(false);
        }
        if info.cluster && !self.owns_all_slots().await? {
            return Err(self.unsuitable(NOT_ALL_SLOTS.to_owned()));
        }
        Ok(info.cluster)
    }

    async fn owns_all_slots(&mut self) -> StoreResult<bool> {
        let [mut my_id, mut slots] = [cmd("CLUSTER"), cmd("CLUSTER")];
        my_id.arg("MYID");
        slots.arg("SLOTS");
        let mut replies = self.request([my_id, slots]).await?.into_iter();
        let my_id = replies.next().and_then(reply::text);
        let slots = replies.next().and_then(reply::array);
        let (Some(my_id), Some(slots)) = (my_id, slots) else {
            return self.reaches_sampled_slots().await;
        };
        Ok(slots.into_iter().filter_map(|range| owned(range, &my_id)).sum::<u64>()
            == u64::from(SLOTS))
    }

    /// Without the permission for `CLUSTER`, or behind a proxy that does not know it: requests keys of
    /// many slots. A node refuses those of other nodes (`MOVED`).
    async fn reaches_sampled_slots(&mut self) -> StoreResult<bool> {
        let prefix = &self.required.sampled_prefix;
        let length = |n| {
            let mut command = cmd("XLEN");
            command.arg(format!("{prefix}:{n}"));
            command
        };
        let replies = self.request((0..SAMPLED_KEYS).map(length)).await?;
        Ok(replies.iter().all(|reply| reply::integer(reply).is_some()))
    }

    /// Tries the commands that this process sends.
    async fn check_permissions(&mut self) -> StoreResult<()> {
        let required = self.required;
        let commands = required.probes.iter().map(|probe| probe.command.clone());
        let replies = self.request(commands).await?;
        for (probe, reply) in required.probes.iter().zip(&replies) {
            self.record(probe, reply)?;
        }
        match &required.transaction {
            // EXEC first: without the permission for it, the transaction that MULTI begins would never
            // end on this connection.
            Some([multi, exec]) => {
                let reply = self.request([exec.command.clone()]).await?.pop().unwrap_or(Value::Nil);
                self.record(exec, &reply)?;
                if exec.interpret(&reply) != ProbeResult::Available {
                    return Ok(());
                }
                let both = [multi, exec].map(|probe| probe.command.clone());
                let reply = self.request(both).await?.into_iter().next().unwrap_or(Value::Nil);
                self.record(multi, &reply)
            }
            None => Ok(()),
        }
    }

    fn record(&mut self, probe: &Probe, reply: &Value) -> StoreResult<()> {
        match probe.interpret(reply) {
            ProbeResult::Available => Ok(()),
            ProbeResult::UnknownCommand => Err(self.unknown(probe.name())),
            ProbeResult::Denied => {
                self.denied.push(probe.describe());
                Ok(())
            }
            ProbeResult::Unexpected => Err(self.unsuitable(NOT_REDIS.to_owned())),
        }
    }

    /// Checks that the server has the commands of other services. Sent without arguments they fail in any
    /// case, and with "unknown command" before permissions are looked up.
    async fn check_commands(&mut self) -> StoreResult<()> {
        let has_no_arguments = |name: &&str| ["PING", "INFO", "TIME"].contains(name);
        let names: Vec<_> =
            self.required.known.iter().copied().filter(|name| !has_no_arguments(name)).collect();
        let replies = self.request(names.iter().map(|name| cmd(name))).await?;
        for (name, reply) in names.into_iter().zip(&replies) {
            if let Value::ServerError(error) = reply
                && error.details().is_some_and(is_unknown_command)
            {
                return Err(self.unknown(name));
            }
        }
        Ok(())
    }

    /// The stream, if its last id is the largest there can be.
    async fn check_last_id(&mut self) -> StoreResult<Option<String>> {
        let Some(stream) = &self.required.stream else { return Ok(None) };
        match LAST_ID.key(stream).invoke_async(self.connection).await {
            Ok(last) => Ok((reply::stream_id(last) == Some(StreamId::MAX)).then(|| stream.clone())),
            Err(error) if error.is_io_error() => Err(self.failed(error)),
            // Missing permissions are recorded already; or the server is busy, or has no such stream.
            Err(_) => Ok(None),
        }
    }

    async fn request(
        &mut self,
        commands: impl IntoIterator<Item = Cmd>,
    ) -> StoreResult<Vec<Value>> {
        let mut all = Pipeline::new();
        commands.into_iter().for_each(|command| {
            all.add_command(command);
        });
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let replies = self.connection.req_packed_commands(&all, 0, all.len()).await;
        replies.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: redis::RedisError) -> StoreError {
        StoreError::new(self.name, CONNECT, error)
    }

    fn unknown(&self, command: &str) -> StoreError {
        self.unsuitable(format!(
            "Redis does not know the command {command}: it was renamed or disabled \
             (rename-command), or the server is no Redis 7; give it its name back"
        ))
    }

    fn unsuitable(&self, text: String) -> StoreError {
        StoreError::found(self.name, CONNECT, ErrorClass::Unsuitable, text)
    }
}

/// Slots of a range of `CLUSTER SLOTS`, `[first, last, [host, port, id], …]`, if its master is this node.
fn owned(range: Value, my_id: &str) -> Option<u64> {
    let mut range = reply::array(range)?.into_iter();
    let (first, last) = (reply::integer(&range.next()?)?, reply::integer(&range.next()?)?);
    let master = reply::array(range.next()?)?.into_iter().nth(2).and_then(reply::text)?;
    (master == my_id).then_some(last.checked_sub(first)? + 1)
}
