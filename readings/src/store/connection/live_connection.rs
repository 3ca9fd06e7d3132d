//! One established connection of a [`SharedConnection`](super::SharedConnection): its generation, the last
//! server check, and whether it can still be used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, PushKind, cmd};
use tokio::sync::Mutex;

use super::generation::Generation;
use super::master_watch::MasterLease;
use super::server::{RedisServer, Resolved};
use super::server_check::{ServerCheck, check_server};
use crate::store::error::{CONNECT, ServerName, StoreError, StoreResult};

/// How long a command on a shared connection may take. Too low and a slow disk looks like an outage;
/// too high and a hung server holds every request that long.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);

/// The shortest interval between two checks of a server whose check may change without a rejected command
/// ([`ServerCheck::may_change`]). Too low and each readiness probe costs a server check; too high and a
/// service becomes ready late after a permission was granted.
const RECHECK_INTERVAL: Duration = Duration::from_millis(250);

/// An established connection.
pub(super) struct LiveConnection {
    pub connection: MultiplexedConnection,
    pub server: ServerName,
    pub generation: Generation,
    connected_at: Instant,
    timeouts: AtomicU32,
    lease: MasterLease,
    /// Set by the client library when the server closes the connection.
    is_disconnected: Arc<AtomicBool>,
    last_check: Arc<Mutex<LastCheck>>,
}

/// The result of the last server check.
struct LastCheck {
    result: ServerCheck,
    at: Instant,
    /// [`RedisServer::rejections`] when it began.
    rejections: u64,
}

impl LiveConnection {
    /// Connects and checks the server; a server that cannot be used is an error. `generation` is called
    /// after that, so that a failed attempt ends no generation.
    pub async fn connect(
        server: &RedisServer,
        generation: impl FnOnce() -> Generation,
    ) -> StoreResult<Self> {
        let is_disconnected = Arc::new(AtomicBool::new(false));
        let config = config(Arc::clone(&is_disconnected));
        // Before the check: a rejection during it may concern what it has passed already.
        let rejections = server.rejections().count();
        let (mut connection, Resolved { name, lease, .. }) = server.connect(config).await?;
        let result = check_server(&mut connection, server, &name).await?;
        if server.is_cluster_node() && server.is_for_reads() {
            // Without it a replica redirects each command to its master.
            let allowed: redis::RedisResult<()> =
                cmd("READONLY").query_async(&mut connection).await;
            allowed.map_err(|error| StoreError::new(&name, CONNECT, error))?;
        }
        let connected_at = Instant::now();
        let last_check = LastCheck { result, at: connected_at, rejections };
        Ok(Self {
            connection,
            server: name,
            generation: generation(),
            connected_at,
            timeouts: AtomicU32::new(0),
            lease,
            is_disconnected,
            last_check: Arc::new(Mutex::new(last_check)),
        })
    }

    /// The same connection in another generation.
    pub fn in_generation(&self, generation: Generation) -> Self {
        Self {
            connection: self.connection.clone(),
            server: Arc::clone(&self.server),
            generation,
            connected_at: self.connected_at,
            timeouts: AtomicU32::new(0),
            lease: self.lease.clone(),
            is_disconnected: Arc::clone(&self.is_disconnected),
            last_check: Arc::clone(&self.last_check),
        }
    }

    pub fn is_usable(&self) -> bool {
        !self.is_disconnected.load(Ordering::Acquire) && !self.is_superseded()
    }

    /// Whether another server has become the master.
    pub fn is_superseded(&self) -> bool {
        self.lease.is_stale()
    }

    pub fn age(&self) -> Duration {
        self.connected_at.elapsed()
    }

    /// Records that the server replied: timeouts are counted from 0 again.
    pub fn record_reply(&self) {
        self.timeouts.store(0, Ordering::Relaxed);
    }

    /// Counts timeouts in a row.
    pub fn record_timeout(&self) -> u32 {
        self.timeouts.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The last server check; it is repeated where its result may have changed.
    pub async fn checked(&self, server: &RedisServer) -> StoreResult<ServerCheck> {
        // Locked during the check: concurrent callers share its result.
        let mut last = self.last_check.lock().await;
        let rejections = server.rejections().count();
        let is_old = last.result.may_change() && last.at.elapsed() >= RECHECK_INTERVAL;
        if is_old || last.rejections != rejections {
            let result = check_server(&mut self.connection.clone(), server, &self.server).await?;
            *last = LastCheck { result, at: Instant::now(), rejections };
        }
        Ok(last.result.clone())
    }
}

/// Sets `is_disconnected` as soon as the server closes the connection, also while it is idle.
fn config(is_disconnected: Arc<AtomicBool>) -> AsyncConnectionConfig {
    let on_push = move |push: PushInfo| {
        if push.kind == PushKind::Disconnection {
            is_disconnected.store(true, Ordering::Release);
        }
        Ok::<_, StoreError>(())
    };
    AsyncConnectionConfig::new()
        .set_response_timeout(Some(RESPONSE_TIMEOUT))
        .set_push_sender(on_push)
}

impl std::fmt::Debug for LiveConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveConnection")
            .field("server", &self.server)
            .field("generation", &self.generation)
            .field("connected_at", &self.connected_at)
            .field("is_disconnected", &self.is_disconnected)
            .finish_non_exhaustive()
    }
}
