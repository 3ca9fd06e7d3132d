//! Whether a server can be used at all, and what it lacks for what a process does.
//!
//! A server that cannot be used is not connected to, so that nothing is accepted that could not be
//! stored: a node of a Redis Cluster, one that has no such commands, one that is no Redis. What its user
//! may not do, or its stream cannot take, is told: a service is not ready then, and does what it can.

use std::sync::LazyLock;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, Pipeline, Script, Value, cmd};

use super::probe::{Finding, Probe};
use super::reply;
use super::requirements::Requirements;
use super::server::RedisServer;
use super::server_checks::ServerReport;
use crate::store::StreamId;
use crate::store::error::{CONNECT, ServerName, StoreError, StoreResult};
use crate::store::error_class::{ErrorClass, is_unknown_command};

/// The hash slots of a Redis Cluster.
const SLOTS: u64 = 16_384;

/// Keys that are tried. Too few and a node is used that lacks a few slots (of one in a hundred that is
/// missed by one node in 30,000); too many and connecting takes longer.
const SAMPLE: usize = 1_024;

const NOT_REDIS: &str = "the server answers as Redis does not; name a Redis server";

const A_CLUSTER: &str = "Redis is a node of a Redis Cluster that does not own all hash slots, so that \
                         readings could not be stored: Redis Cluster is not supported; name a server \
                         with cluster-enabled no";

/// Gives the last id of a stream, without its entries, which may be large; nothing without a stream.
static LAST_ID: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local found = redis.call('XINFO', 'STREAM', KEYS[1])
         for i = 1, #found, 2 do
             if found[i] == 'last-generated-id' then return found[i + 1] end
         end
         return false",
    )
});

/// What a server lacks.
#[derive(Debug, Clone, Default)]
pub struct Examined {
    user: String,
    denied: Vec<String>,
    exhausted: Option<String>,
    /// A node of a Redis Cluster owns all slots until some are given to another.
    is_cluster_node: bool,
}

impl Examined {
    /// The user, and commands with keys that are denied.
    pub(super) fn denied(&self) -> Option<(&str, &[String])> {
        (!self.denied.is_empty()).then_some((self.user.as_str(), &self.denied))
    }

    /// The stream that takes no more entries.
    pub(super) fn exhausted(&self) -> Option<&str> {
        self.exhausted.as_deref()
    }

    /// Whether the server may be found to be another without having refused anything.
    pub(super) const fn may_change(&self) -> bool {
        !self.denied.is_empty() || self.exhausted.is_some() || self.is_cluster_node
    }
}

/// Examines the server at the other end of a connection.
pub(super) async fn examine(
    connection: &mut MultiplexedConnection,
    server: &RedisServer,
    name: &ServerName,
) -> StoreResult<Examined> {
    let wanted = server.requirements();
    let mut examination = Examination { connection, name, wanted, denied: Vec::new() };
    let is_cluster_node = examination.look_for_a_cluster().await?;
    examination.try_commands().await?;
    examination.look_for_commands().await?;
    let exhausted = examination.look_for_the_end().await?;
    let (user, denied) = (server.user().to_owned(), examination.denied);
    Ok(Examined { user, denied, exhausted, is_cluster_node })
}

struct Examination<'a> {
    connection: &'a mut MultiplexedConnection,
    name: &'a ServerName,
    wanted: &'a Requirements,
    denied: Vec<String>,
}

impl Examination<'_> {
    /// Whether it is a node of a Redis Cluster, which owns all slots then.
    async fn look_for_a_cluster(&mut self) -> StoreResult<bool> {
        let info = self.ask([cmd("INFO")]).await?.pop().unwrap_or(Value::Nil);
        match info {
            // Told where the user's rights are tried.
            Value::ServerError(error) if error.code() == "NOPERM" => return Ok(false),
            Value::ServerError(error) => return Err(self.failed(error.into())),
            _ => {}
        }
        let report = reply::text(info).and_then(|info| ServerReport::parse(&info));
        let report = report.ok_or_else(|| self.unsuitable(NOT_REDIS.to_owned()))?;
        if report.is_a_cluster_node() && !self.owns_all_slots().await? {
            return Err(self.unsuitable(A_CLUSTER.to_owned()));
        }
        Ok(report.is_a_cluster_node())
    }

    async fn owns_all_slots(&mut self) -> StoreResult<bool> {
        let [mut myself, mut slots] = [cmd("CLUSTER"), cmd("CLUSTER")];
        myself.arg("MYID");
        slots.arg("SLOTS");
        let mut replies = self.ask([myself, slots]).await?.into_iter();
        let myself = replies.next().and_then(reply::text);
        let slots = replies.next().and_then(reply::array);
        let (Some(myself), Some(slots)) = (myself, slots) else {
            return self.reaches_many_slots().await;
        };
        Ok(slots.into_iter().filter_map(|range| owned(range, &myself)).sum::<u64>() == SLOTS)
    }

    /// Where the user has no right to `CLUSTER`, or a proxy stands before all nodes, which does not know
    /// it: asks for keys that are in slots as they come. A node refuses those of others (`MOVED`).
    async fn reaches_many_slots(&mut self) -> StoreResult<bool> {
        let key = &self.wanted.sampled;
        let length = |n| {
            let mut command = cmd("XLEN");
            command.arg(format!("{key}:{n}"));
            command
        };
        let replies = self.ask((0..SAMPLE).map(length)).await?;
        Ok(replies.iter().all(|reply| reply::integer(reply).is_some()))
    }

    /// Tries the commands that this process uses.
    async fn try_commands(&mut self) -> StoreResult<()> {
        let wanted = self.wanted;
        let replies = self.ask(wanted.probes.iter().map(|probe| probe.command.clone())).await?;
        for (probe, reply) in wanted.probes.iter().zip(&replies) {
            self.conclude(probe, reply)?;
        }
        match &wanted.transaction {
            // Without the right to EXEC there would be no end to what MULTI begins.
            Some([multi, exec]) => {
                let reply = self.ask([exec.command.clone()]).await?.pop().unwrap_or(Value::Nil);
                self.conclude(exec, &reply)?;
                if exec.judge(&reply) != Finding::Usable {
                    return Ok(());
                }
                let both = [multi, exec].map(|probe| probe.command.clone());
                let reply = self.ask(both).await?.into_iter().next().unwrap_or(Value::Nil);
                self.conclude(multi, &reply)
            }
            None => Ok(()),
        }
    }

    fn conclude(&mut self, probe: &Probe, reply: &Value) -> StoreResult<()> {
        match probe.judge(reply) {
            Finding::Usable => Ok(()),
            Finding::Unknown => Err(self.unknown(probe.name())),
            Finding::Denied => {
                self.denied.push(probe.describe());
                Ok(())
            }
            Finding::Nonsense => Err(self.unsuitable(NOT_REDIS.to_owned())),
        }
    }

    /// Looks for commands that others use: without arguments they are refused for that before the
    /// user's rights are looked at.
    async fn look_for_commands(&mut self) -> StoreResult<()> {
        let wanted = self.wanted;
        let takes_none = |name: &&str| ["PING", "INFO", "TIME"].contains(name);
        let names: Vec<_> = wanted.known.iter().copied().filter(|name| !takes_none(name)).collect();
        let replies = self.ask(names.iter().map(|name| cmd(name))).await?;
        for (name, reply) in names.into_iter().zip(&replies) {
            if let Value::ServerError(error) = reply
                && error.details().is_some_and(is_unknown_command)
            {
                return Err(self.unknown(name));
            }
        }
        Ok(())
    }

    /// Looks whether the stream's last id is the largest there can be.
    async fn look_for_the_end(&mut self) -> StoreResult<Option<String>> {
        let Some(stream) = &self.wanted.last_id else { return Ok(None) };
        match LAST_ID.key(stream).invoke_async(self.connection).await {
            Ok(last) => Ok((reply::stream_id(last) == Some(StreamId::MAX)).then(|| stream.clone())),
            Err(error) if error.is_io_error() => Err(self.failed(error)),
            // What the user may not do has been told; it cannot be asked now, or there is no stream.
            Err(_) => Ok(None),
        }
    }

    async fn ask(&mut self, commands: impl IntoIterator<Item = Cmd>) -> StoreResult<Vec<Value>> {
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

/// Slots of a range of `CLUSTER SLOTS`, `[first, last, [host, port, id], …]`, whose master is this one.
fn owned(range: Value, myself: &str) -> Option<u64> {
    let mut range = reply::array(range)?.into_iter();
    let (first, last) = (reply::integer(&range.next()?)?, reply::integer(&range.next()?)?);
    let master = reply::array(range.next()?)?.into_iter().nth(2).and_then(reply::text)?;
    (master == myself).then_some(last.checked_sub(first)? + 1)
}
