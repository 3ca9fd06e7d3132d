//! Commands that archive all the time, some of which are killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::{Instant, sleep};

use super::archiving::{RECORD, command};
use super::redis_at::RedisAt;
use super::rng::Rng;
use crate::common::wait;

/// Between two commands of one archiver.
const PAUSE: Duration = Duration::from_millis(200);

/// When a command is killed, in milliseconds after its start: in the middle of its work.
const KILLED_AFTER: (u64, u64) = (20, 400);

/// Archivers until they are stopped: two at a time, as after a lease that has expired while its owner runs.
pub struct Archivers {
    shared: Arc<Shared>,
    threads: [JoinHandle<()>; 2],
}

struct Shared {
    redis_port: u16,
    url: String,
    stop: AtomicBool,
    /// Runs that have ended well.
    runs: AtomicUsize,
}

impl Archivers {
    /// Archives the packed days of the Redis at a port into the archive at a URL.
    pub fn start(redis_port: u16, url: &str) -> Self {
        let (stop, runs) = (AtomicBool::new(false), AtomicUsize::new(0));
        let shared = Arc::new(Shared { redis_port, url: url.to_owned(), stop, runs });
        let threads = [1, 2].map(|seed| shared.start(Rng::seeded(seed)));
        Self { shared, threads }
    }

    /// Waits until more runs have ended well.
    pub async fn wait_for_more(&self, runs: usize) {
        let enough = self.shared.runs.load(Ordering::Relaxed) + runs;
        let what = format!("{enough} runs of the archiver end well");
        wait::until(&what, async || self.shared.runs.load(Ordering::Relaxed) >= enough).await;
    }

    /// Stops, and archives what is left. Afterwards the archive is whole.
    pub async fn finish(self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        for words in [["archive", "run"], ["archive", "verify"]] {
            let what = format!("{words:?} ends well");
            wait::until(&what, async || self.shared.run(&words, None).await).await;
        }
    }
}

impl Shared {
    /// In a thread, as waiting for a condition is not for tasks that move between threads.
    fn start(self: &Arc<Self>, rng: Rng) -> JoinHandle<()> {
        let shared = Arc::clone(self);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        thread::spawn(move || runtime.block_on(shared.archive(rng)))
    }

    async fn archive(&self, mut rng: Rng) {
        while !self.stop.load(Ordering::Relaxed) {
            let killed_after = rng.between(KILLED_AFTER.0, KILLED_AFTER.1);
            let killed_after = rng.one_in(2).then(|| Duration::from_millis(killed_after));
            if self.run(&["archive", "run"], killed_after).await {
                self.runs.fetch_add(1, Ordering::Relaxed);
            }
            sleep(PAUSE).await;
        }
    }

    /// Runs a command, whether or not another one has the lease; whether it ends well.
    async fn run(&self, words: &[&str], killed_after: Option<Duration>) -> bool {
        let mut redis = RedisAt::port(self.redis_port);
        // Err: it is down.
        let _ = redis.try_run::<redis::Value>(&format!("HDEL {RECORD} lease")).await;
        let mut process = command(self.redis_port, &self.url, words).start_process();
        let started = Instant::now();
        wait::until("it ends, or is to be killed", async || {
            let is_late = killed_after.is_some_and(|after| started.elapsed() > after);
            is_late || !process.is_running()
        })
        .await;
        if process.is_running() {
            process.kill9();
            return false;
        }
        process.ended().await.status.success()
    }
}
