//! The connection to one server that many callers use at once.
//!
//! The client library keeps a connection whose replies time out, or that leads to a replica.
//! [`NodeConnection`] replaces it, and numbers its connections ([`Generation`]), so that a caller can
//! tell whether two replies came from the same server session.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use instrumentation::log_throttle::LogThrottle;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, Script, ScriptInvocation, Value};
use tokio::sync::Mutex as AsyncMutex;
use tracing::info;

use super::generation::Generation;
use super::instrument::instrumented;
use super::live_connection::LiveConnection;
use super::reply::into_result;
use super::server::RedisServer;
use super::server_check::ServerCheck;
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::metrics::{FAILOVER, METRICS};

/// Timeouts in a row after which a connection is replaced. Too low and one slow command costs a
/// reconnect; too high and requests wait for a dead connection longer.
const TIMEOUTS_UNTIL_REPLACED: u32 = 2;

/// A failed attempt to connect is the result for every caller within this time. Too low and each waiting
/// caller makes an attempt of its own, one after the other; too high and a server that is back is used
/// late.
const CONNECT_FAILURE_TTL: Duration = Duration::from_millis(50);

/// A connection to a replica, or to a server that lacks a command or permission, is replaced when it is at
/// least this old. Too low and each failed command reconnects, though the next connection is hardly
/// better; too high and a mended server is used late.
const MIN_REPLACE_AGE: Duration = Duration::from_secs(1);

/// A connection to one server that many callers use at once; cloning it is cheap.
#[derive(Debug, Clone)]
pub(super) struct NodeConnection(Arc<State>);

/// The place of the present connection.
#[derive(Debug)]
struct State {
    server: RedisServer,
    current: Mutex<Option<Arc<LiveConnection>>>,
    /// Why the last connection was discarded, until it is replaced.
    discarded: Mutex<Option<&'static str>>,
    /// The last failure to connect; locked while one caller connects for all.
    connecting: AsyncMutex<Option<(Instant, StoreError)>>,
    /// Number of the last generation.
    generations: AtomicU64,
    /// Of a node of a Redis Cluster: the generations of the connection to all nodes, which end with each of this one.
    of_cluster: Option<Arc<AtomicU64>>,
}

impl NodeConnection {
    /// A connection to a server. It connects at the first command, and again after each loss.
    pub fn new(server: &RedisServer, of_cluster: Option<Arc<AtomicU64>>) -> Self {
        Self(Arc::new(State {
            server: server.clone(),
            current: Mutex::default(),
            discarded: Mutex::default(),
            connecting: AsyncMutex::default(),
            generations: AtomicU64::new(0),
            of_cluster,
        }))
    }

    /// The present generation; the last one while there is no connection.
    #[must_use]
    pub fn generation(&self) -> Generation {
        let live = self.current().as_ref().map(|live| live.generation);
        live.unwrap_or_else(|| Generation(self.0.generations.load(Ordering::Acquire)))
    }

    pub fn server(&self) -> &RedisServer {
        &self.0.server
    }

    /// Ends the present generation: Redis has lost data that it had acknowledged.
    pub fn invalidate(&self) {
        let mut current = self.current();
        if let Some(live) = current.take() {
            *current = Some(Arc::new(live.in_generation(self.next_generation())));
        }
    }

    /// The result of the server check: which permissions are missing, and whether the stream has run out
    /// of ids. It is checked on connect, and again where a command was rejected since or something was
    /// missing.
    ///
    /// # Errors
    /// When the server cannot be reached or cannot be used.
    pub async fn server_check(&self) -> StoreResult<ServerCheck> {
        let live = self.live().await?;
        let check = live.checked(&self.0.server).await;
        self.record_outcome(&live, check)
    }

    /// A reply whose shape the command's documentation does not describe.
    pub fn unexpected_reply(&self, operation: &'static str) -> StoreError {
        let live = self.current().clone();
        let server = live.as_ref().map_or(self.0.server.shared_name(), |live| &live.server);
        StoreError::unexpected_reply(server, operation)
    }

    fn next_generation(&self) -> Generation {
        Generation(self.0.generations.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// Connects, unless it is connected.
    pub async fn connect(&self) -> StoreResult<()> {
        self.live().await.map(drop)
    }

    pub async fn send(&self, operation: &'static str, command: &Cmd) -> StoreResult<Value> {
        let live = self.live().await?;
        self.send_over(&live, operation, command).await
    }

    /// As [`NodeConnection::send`], but only in that generation: `None` when it has ended, and nothing
    /// was sent.
    pub async fn send_in_generation(
        &self,
        generation: Generation,
        operation: &'static str,
        command: &Cmd,
    ) -> StoreResult<Option<Value>> {
        let live = self.live().await?;
        // Compared with the connection that the command goes over, not with `self.generation()`: it may
        // be replaced between the two.
        if live.generation != generation {
            return Ok(None);
        }
        self.send_over(&live, operation, command).await.map(Some)
    }

    async fn send_over(
        &self,
        live: &Arc<LiveConnection>,
        operation: &'static str,
        command: &Cmd,
    ) -> StoreResult<Value> {
        let mut connection = live.connection.clone();
        let reply = async {
            into_result(&live.server, operation, connection.req_packed_command(command).await)
        };
        self.record_outcome(live, instrumented(operation, reply).await)
    }

    /// Sends commands as one pipeline; gives the reply to each, and the generation of all.
    pub async fn send_all(
        &self,
        operation: &'static str,
        commands: &Pipeline,
    ) -> StoreResult<(Vec<StoreResult<Value>>, Generation)> {
        let live = self.live().await?;
        let mut connection = live.connection.clone();
        let replies = async {
            let replies = connection.req_packed_commands(commands, 0, commands.len()).await;
            replies.map_err(|error| StoreError::new(&live.server, operation, error))
        };
        let replies = instrumented(operation, replies).await;
        let mut results = Vec::with_capacity(commands.len());
        for reply in self.record_outcome(&live, replies)? {
            // An error in one reply is that command's own, but may show as well that the connection is
            // unusable.
            let result = into_result(&live.server, operation, Ok(reply));
            results.push(self.record_outcome(&live, result));
        }
        Ok((results, live.generation))
    }

    /// Runs a script by its hash (`EVALSHA`), and loads it first where the server does not know it.
    pub async fn eval(
        &self,
        operation: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> StoreResult<Value> {
        let live = self.live().await?;
        let mut connection = live.connection.clone();
        let reply = async {
            into_result(&live.server, operation, script.invoke_async(&mut connection).await)
        };
        self.record_outcome(&live, instrumented(operation, reply).await)
    }

    /// Sends an `EVALSHA` of this script as it is, and loads the script first where the server does not know it. For
    /// scripts with many arguments: [`ScriptInvocation`] allocates memory for each.
    pub async fn eval_command(
        &self,
        operation: &'static str,
        script: &Script,
        command: &Cmd,
    ) -> StoreResult<Value> {
        let live = self.live().await?;
        let reply = self.send_over(&live, operation, command).await;
        if !reply.as_ref().is_err_and(|error| error.code() == Some("NOSCRIPT")) {
            return reply;
        }
        let mut connection = live.connection.clone();
        let loaded = script.load_async(&mut connection).await.map(Value::SimpleString);
        self.record_outcome(&live, into_result(&live.server, operation, loaded))?;
        self.send_over(&live, operation, command).await
    }

    /// Sends a command; `is_asking`: another node has redirected it to this one, for once (`ASKING`).
    pub async fn send_once(
        &self,
        operation: &'static str,
        command: &Cmd,
        is_asking: bool,
    ) -> StoreResult<Value> {
        if !is_asking {
            return self.send(operation, command).await;
        }
        let live = self.live().await?;
        let mut both = Pipeline::with_capacity(2);
        both.cmd("ASKING").add_command(command.clone());
        let mut connection = live.connection.clone();
        let reply = async {
            let replies = connection.req_packed_commands(&both, 1, 1).await;
            let reply = replies.map(|mut replies| replies.pop().unwrap_or(Value::Nil));
            into_result(&live.server, operation, reply)
        };
        self.record_outcome(&live, instrumented(operation, reply).await)
    }

    /// Loads the script of an invocation.
    pub async fn load(
        &self,
        operation: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> StoreResult<()> {
        let live = self.live().await?;
        let mut connection = live.connection.clone();
        let loaded = script.load_async(&mut connection).await.map(Value::SimpleString);
        self.record_outcome(&live, into_result(&live.server, operation, loaded)).map(drop)
    }

    /// Runs commands as a transaction (`MULTI`, `EXEC`): all of them, or none.
    pub async fn exec_atomic(
        &self,
        operation: &'static str,
        commands: &Pipeline,
    ) -> StoreResult<Value> {
        let live = self.live().await?;
        let mut connection = live.connection.clone();
        let reply = async {
            into_result(&live.server, operation, commands.query_async(&mut connection).await)
        };
        self.record_outcome(&live, instrumented(operation, reply).await)
    }

    async fn live(&self) -> StoreResult<Arc<LiveConnection>> {
        match self.usable() {
            Some(live) => Ok(live),
            // On the heap: else the future of each command, and so of each request, has room for it
            // (measured: 1 MB for 64 connections).
            None => Box::pin(self.reconnect()).await,
        }
    }

    async fn reconnect(&self) -> StoreResult<Arc<LiveConnection>> {
        // One caller connects; the others wait here and share the result: its connection, or its failure
        // while that is fresh.
        let mut last_failure = self.0.connecting.lock().await;
        if let Some(live) = self.usable() {
            return Ok(live);
        }
        if let Some((at, error)) = &*last_failure
            && at.elapsed() < CONNECT_FAILURE_TTL
        {
            return Err(error.clone());
        }
        self.discard_unusable();
        match LiveConnection::connect(&self.0.server, || self.next_generation()).await {
            Ok(live) => Ok(self.install(live)),
            Err(error) => {
                *last_failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn usable(&self) -> Option<Arc<LiveConnection>> {
        let current = self.current().clone();
        current.filter(|live| live.is_usable())
    }

    /// Discards a connection that was closed, or whose server is no longer the master, before any
    /// command has failed on it.
    pub fn discard_unusable(&self) {
        let unusable = self.current().take_if(|live| !live.is_usable());
        if let Some(live) = unusable {
            let superseded = live.is_superseded();
            self.record_discard(if superseded {
                FAILOVER
            } else {
                ErrorClass::Disconnected.name()
            });
        }
    }

    fn record_discard(&self, reason: &'static str) {
        if let Some(generations) = &self.0.of_cluster {
            generations.fetch_add(1, Ordering::AcqRel);
        }
        METRICS.reconnect(reason);
        *self.0.discarded.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    /// Installs it as the present connection. A replacement is logged here and not where the old connection
    /// is discarded: at the end of the process connections are discarded and not replaced.
    fn install(&self, live: LiveConnection) -> Arc<LiveConnection> {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let discarded = self.0.discarded.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reason) = discarded
            && let Some(suppressed) = THROTTLE.should_log(Instant::now())
        {
            info!(server = %live.server, reason, suppressed, "connection to Redis replaced");
        }
        let live = Arc::new(live);
        *self.current() = Some(Arc::clone(&live));
        live
    }

    /// Discards the connection if the outcome of a command shows that it cannot be used any more.
    fn record_outcome<T>(
        &self,
        live: &Arc<LiveConnection>,
        result: StoreResult<T>,
    ) -> StoreResult<T> {
        let Err(error) = &result else {
            live.record_reply();
            return result;
        };
        if self.0.of_cluster.is_some() && error.is_redirection() {
            // Neither the server nor the connection is at fault.
            return result.map_err(|error| error.in_class(ErrorClass::Busy));
        }
        self.0.server.rejections().record(error);
        let is_unusable = match error.class {
            ErrorClass::Disconnected => true,
            // The server, not the connection: another one is tried, but not for each failed command.
            ErrorClass::ReadOnly | ErrorClass::Denied | ErrorClass::Unsuitable => {
                live.age() >= MIN_REPLACE_AGE
            }
            ErrorClass::Timeout => live.record_timeout() >= TIMEOUTS_UNTIL_REPLACED,
            _ => false,
        };
        if is_unusable {
            self.discard(live, error.class);
        }
        result
    }

    fn discard(&self, live: &Arc<LiveConnection>, reason: ErrorClass) {
        let mut current = self.current();
        // Many commands fail on one connection: only the first failure may discard it, and none may
        // discard its successor.
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, live)) {
            *current = None;
            self.record_discard(reason.name());
        }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Arc<LiveConnection>>> {
        // A poisoned lock is safe: the value is only ever replaced as a whole.
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
