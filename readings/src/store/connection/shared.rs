//! The kinds of connection to Redis, and why there are several.
//!
//! - [`SharedConnection`]: many callers, one socket, answers in seconds at most. Each use that must
//!   not wait for another (writes, queries, ingestion) opens one of its own.
//! - [`super::DedicatedConnection`]: one caller, one command at a time, which may block. A blocking command
//!   on a shared socket would hold up everybody behind it, and one whose answer is given up while
//!   the server still works on it would be delivered entries that nobody reads.
//!
//! The client library keeps a connection whose answers time out or that leads to a replica; the
//! watchdog in [`SharedConnection`] replaces it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use instrumentation::log_throttle::LogThrottle;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, ScriptInvocation, Value};
use tokio::sync::Mutex as AsyncMutex;
use tracing::info;

use super::instrument;
use super::live_connection::Live;
use super::preflight::Examined;
use super::server::RedisServer;
use crate::store::error::{ServerName, StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::metrics::{METRICS, MOVED};

/// How long a command on a shared connection may take. Too low and a slow disk looks like an outage;
/// too high and a hung server holds every request that long.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Timeouts in a row after which a connection is taken for dead. One may be a slow command.
const TIMEOUTS_UNTIL_REPLACED: u32 = 2;

/// A failed attempt to connect answers all who ask within this time: else each of them would make an
/// attempt of its own, one after the other.
const FAILURE_IS_FRESH: Duration = Duration::from_millis(50);

/// A connection that leads to a replica, or whose server or user cannot do something, is replaced when it is at
/// least this old: the next one may be no better, and all callers would make one for each failure.
const REPLACED_AFTER: Duration = Duration::from_secs(1);

impl RedisServer {
    /// A connection for many callers. It is made when first used, and made anew when it is lost.
    #[must_use]
    pub fn shared(&self) -> SharedConnection {
        SharedConnection(Arc::new(Shared {
            server: self.clone(),
            current: Mutex::default(),
            given_up: Mutex::default(),
            connecting: AsyncMutex::default(),
            epochs: AtomicU64::new(0),
        }))
    }
}

/// A time in which what Redis has answered still holds. It ends with the connection: the next may lead
/// to a server that has forgotten some of it, after a failover or a restart from an older file. And it
/// ends when stream or group turn out to be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(u64);

/// A connection that many callers use at once; cloning it is cheap.
#[derive(Debug, Clone)]
pub struct SharedConnection(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    server: RedisServer,
    current: Mutex<Option<Arc<Live>>>,
    /// Why the last connection was given up, until there is another.
    given_up: Mutex<Option<&'static str>>,
    /// The last failure to connect; its lock is held by whoever is connecting.
    connecting: AsyncMutex<Option<(Instant, StoreError)>>,
    /// How many epochs have begun.
    epochs: AtomicU64,
}

impl SharedConnection {
    /// Whether the server answers at all.
    ///
    /// # Errors
    /// When it cannot be reached, is loading, or cannot write to its disk.
    pub async fn ping(&self) -> StoreResult<()> {
        self.send("PING", &redis::cmd("PING")).await.map(drop)
    }

    /// The present epoch; the last one while there is no connection.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        let live = self.current().as_ref().map(|live| live.epoch);
        live.unwrap_or_else(|| Epoch(self.0.epochs.load(Ordering::Acquire)))
    }

    /// Notes that Redis has forgotten what it answered.
    pub(crate) fn end_epoch(&self) {
        let mut current = self.current();
        if let Some(live) = current.take() {
            *current = Some(Arc::new(live.in_epoch(self.next_epoch())));
        }
    }

    /// What was found when the connection was made and, where a command has been refused since, or
    /// something was lacking, is found now: what the user may not do, and whether the stream has an end.
    ///
    /// # Errors
    /// When the server cannot be reached, or cannot be used.
    pub async fn examined(&self) -> StoreResult<Examined> {
        let live = self.live().await?;
        let examined = live.examined(&self.0.server).await;
        self.judge(&live, examined)
    }

    /// A reply of another shape than the command's documentation says.
    pub(crate) fn unexpected_reply(&self, operation: &'static str) -> StoreError {
        let live = self.current().clone();
        let server = live.as_ref().map_or(self.0.server.shared_name(), |live| &live.server);
        StoreError::unexpected_reply(server, operation)
    }

    fn next_epoch(&self) -> Epoch {
        Epoch(self.0.epochs.fetch_add(1, Ordering::AcqRel) + 1)
    }

    pub(crate) async fn send(&self, operation: &'static str, command: &Cmd) -> StoreResult<Value> {
        let live = self.live().await?;
        self.send_over(&live, operation, command).await
    }

    /// As [`SharedConnection::send`], but only in that epoch: `None` when it is over, and nothing was
    /// sent.
    pub(crate) async fn send_within(
        &self,
        epoch: Epoch,
        operation: &'static str,
        command: &Cmd,
    ) -> StoreResult<Option<Value>> {
        let live = self.live().await?;
        if live.epoch != epoch {
            return Ok(None);
        }
        self.send_over(&live, operation, command).await.map(Some)
    }

    async fn send_over(
        &self,
        live: &Arc<Live>,
        operation: &'static str,
        command: &Cmd,
    ) -> StoreResult<Value> {
        let mut connection = live.connection.clone();
        let answering =
            async { answer(&live.server, operation, connection.req_packed_command(command).await) };
        self.judge(live, instrument::exchange(operation, answering).await)
    }

    /// Sends commands at once; gives the answer to each, and the epoch of all.
    pub(crate) async fn send_all(
        &self,
        operation: &'static str,
        commands: &Pipeline,
    ) -> StoreResult<(Vec<StoreResult<Value>>, Epoch)> {
        let live = self.live().await?;
        let mut connection = live.connection.clone();
        let answering = async {
            let replies = connection.req_packed_commands(commands, 0, commands.len()).await;
            replies.map_err(|error| StoreError::new(&live.server, operation, error))
        };
        let replies = instrument::exchange(operation, answering).await;
        let answered = |reply| self.judge(&live, answer(&live.server, operation, Ok(reply)));
        let answers = self.judge(&live, replies)?.into_iter().map(answered).collect();
        Ok((answers, live.epoch))
    }

    /// Runs a script by its hash, and sends it first where the server does not know it.
    pub(crate) async fn run(
        &self,
        operation: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> StoreResult<Value> {
        let live = self.live().await?;
        let mut connection = live.connection.clone();
        let answering =
            async { answer(&live.server, operation, script.invoke_async(&mut connection).await) };
        self.judge(&live, instrument::exchange(operation, answering).await)
    }

    /// Runs commands of which all are carried out, or none.
    pub(crate) async fn transact(
        &self,
        operation: &'static str,
        commands: &Pipeline,
    ) -> StoreResult<Value> {
        let live = self.live().await?;
        let mut connection = live.connection.clone();
        let answering =
            async { answer(&live.server, operation, commands.query_async(&mut connection).await) };
        self.judge(&live, instrument::exchange(operation, answering).await)
    }

    async fn live(&self) -> StoreResult<Arc<Live>> {
        match self.usable() {
            Some(live) => Ok(live),
            // On the heap: else the future of each command, and so of each request, has room for it
            // (measured: 1 MB for 64 connections).
            None => Box::pin(self.connect_anew()).await,
        }
    }

    async fn connect_anew(&self) -> StoreResult<Arc<Live>> {
        let mut last_failure = self.0.connecting.lock().await;
        if let Some(live) = self.usable() {
            return Ok(live);
        }
        if let Some((at, error)) = &*last_failure
            && at.elapsed() < FAILURE_IS_FRESH
        {
            return Err(error.clone());
        }
        self.note_loss();
        match Live::connect(&self.0.server, || self.next_epoch()).await {
            Ok(live) => Ok(self.set(live)),
            Err(error) => {
                *last_failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn usable(&self) -> Option<Arc<Live>> {
        let current = self.current().clone();
        current.filter(|live| live.is_usable())
    }

    /// Notes that the connection there was is of no use any more, if nothing but that has shown it.
    fn note_loss(&self) {
        if let Some(live) = self.current().take() {
            let moved = live.has_moved();
            self.note_given_up(if moved { MOVED } else { ErrorClass::Disconnected.name() });
        }
    }

    fn note_given_up(&self, reason: &'static str) {
        METRICS.reconnect(reason);
        *self.0.given_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    /// Says so where the connection takes the place of another. Not when that was given up: at the end
    /// of the process nothing takes its place.
    fn set(&self, live: Live) -> Arc<Live> {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let given_up = self.0.given_up.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reason) = given_up
            && let Some(suppressed) = THROTTLE.should_log(Instant::now())
        {
            info!(server = %live.server, reason, suppressed, "a connection to Redis has been replaced");
        }
        let live = Arc::new(live);
        *self.current() = Some(Arc::clone(&live));
        live
    }

    /// Draws conclusions about the connection from what came over it.
    fn judge<T>(&self, live: &Arc<Live>, result: StoreResult<T>) -> StoreResult<T> {
        let Err(error) = &result else {
            live.note_answer();
            return result;
        };
        self.0.server.refusals().note(error);
        let replace = match error.class {
            ErrorClass::Disconnected => true,
            ErrorClass::ReadOnly | ErrorClass::Denied | ErrorClass::Unsuitable => {
                live.age() >= REPLACED_AFTER
            }
            ErrorClass::Timeout => live.note_timeout() >= TIMEOUTS_UNTIL_REPLACED,
            _ => false,
        };
        if replace {
            self.give_up(live, error.class);
        }
        result
    }

    fn give_up(&self, live: &Arc<Live>, reason: ErrorClass) {
        let mut current = self.current();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, live)) {
            *current = None;
            self.note_given_up(reason.name());
        }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Arc<Live>>> {
        // What it guards is replaced as a whole, also when a thread panicked before.
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn answer(
    server: &ServerName,
    operation: &'static str,
    result: redis::RedisResult<Value>,
) -> StoreResult<Value> {
    result.and_then(Value::extract_error).map_err(|error| StoreError::new(server, operation, error))
}
