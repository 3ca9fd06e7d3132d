//! A shared connection that was made: what is known of it, and whether it is still of use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, PushKind};
use tokio::sync::Mutex;

use super::master_watch::Stay;
use super::preflight::{Examined, examine};
use super::server::{Found, RedisServer};
use super::shared::{Epoch, RESPONSE_TIMEOUT};
use crate::store::error::{ServerName, StoreError, StoreResult};

/// A server that lacks something, or may come to, is examined again after this time at the earliest. Too low and each
/// look at the readiness costs an examination; too high and a service is ready late when a right was
/// given.
const EXAMINED_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// A connection that was made.
pub(super) struct Live {
    pub connection: MultiplexedConnection,
    pub server: ServerName,
    pub epoch: Epoch,
    made: Instant,
    timeouts: AtomicU32,
    stay: Stay,
    /// Set by the client library when the server closes the connection.
    lost: Arc<AtomicBool>,
    known: Arc<Mutex<Known>>,
}

/// What was found by the last examination.
struct Known {
    examined: Examined,
    at: Instant,
    /// Refusals that had been counted before.
    refusals: u64,
}

impl Live {
    /// Connects, and examines the server: one that cannot be used is not connected to.
    pub async fn connect(server: &RedisServer, epoch: impl FnOnce() -> Epoch) -> StoreResult<Self> {
        let lost = Arc::new(AtomicBool::new(false));
        let noticed = Arc::clone(&lost);
        let on_push = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                noticed.store(true, Ordering::Release);
            }
            Ok::<_, StoreError>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_push_sender(on_push);
        let refusals = server.refusals().count();
        let (mut connection, Found { name, stay, .. }) = server.connect(config).await?;
        let examined = examine(&mut connection, server, &name).await?;
        let (epoch, made) = (epoch(), Instant::now());
        let known = Arc::new(Mutex::new(Known { examined, at: made, refusals }));
        Ok(Self { connection, server: name, epoch, made, timeouts: 0.into(), stay, lost, known })
    }

    /// The same connection in another epoch.
    pub fn in_epoch(&self, epoch: Epoch) -> Self {
        Self {
            connection: self.connection.clone(),
            server: Arc::clone(&self.server),
            epoch,
            made: self.made,
            timeouts: AtomicU32::new(0),
            stay: self.stay.clone(),
            lost: Arc::clone(&self.lost),
            known: Arc::clone(&self.known),
        }
    }

    pub fn is_usable(&self) -> bool {
        !self.lost.load(Ordering::Acquire) && !self.has_moved()
    }

    pub fn has_moved(&self) -> bool {
        self.stay.is_over()
    }

    pub fn age(&self) -> Duration {
        self.made.elapsed()
    }

    pub fn note_answer(&self) {
        self.timeouts.store(0, Ordering::Relaxed);
    }

    /// Counts timeouts in a row.
    pub fn note_timeout(&self) -> u32 {
        self.timeouts.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What is known of the server; it is examined again where that may have changed.
    pub async fn examined(&self, server: &RedisServer) -> StoreResult<Examined> {
        let mut known = self.known.lock().await;
        let refusals = server.refusals().count();
        let is_old = known.examined.may_change() && known.at.elapsed() >= EXAMINED_AGAIN_AFTER;
        if is_old || known.refusals != refusals {
            let examined = examine(&mut self.connection.clone(), server, &self.server).await?;
            *known = Known { examined, at: Instant::now(), refusals };
        }
        Ok(known.examined.clone())
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("server", &self.server)
            .field("epoch", &self.epoch)
            .field("made", &self.made)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}
