//! What a node of a cluster had that its successor lacks: asynchronous replication lost it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use archive::ParquetArchive;
use tempfile::TempDir;

use super::checker::{Contents, StoredAs};
use super::ledger::now_ns;
use super::redis_at::RedisAt;
use crate::common::redis::RedisServer;
use crate::common::tiers;

const FILES: &str = "appendonlydir";

/// A replica has all entries that are older: what its stream lacks of them was trimmed.
const SURELY_REPLICATED_MS: u64 = 10_000;

/// The append-only file of a server at a moment, or from then on.
#[derive(Debug)]
pub struct Remains {
    files: TempDir,
    /// Milliseconds since 1970.
    taken_at: u64,
}

impl Remains {
    /// Of this server, also what it appends later, and when it has begun another file, as a master does that becomes a
    /// replica.
    pub fn of(server: &RedisServer) -> Self {
        Self::with(server, |file, link| fs::hard_link(file, link).unwrap())
    }

    /// Of this server, as it is now.
    pub fn copy_of(server: &RedisServer) -> Self {
        Self::with(server, copy)
    }

    fn with(server: &RedisServer, act: impl Fn(&Path, &Path)) -> Self {
        let files = tempfile::tempdir().unwrap();
        each_file(server.directory(), files.path(), act);
        Self { files, taken_at: now_ns() / 1_000_000 }
    }

    /// The entries and the stored readings that are here and not there: a reading that was accepted or stored here is
    /// lost, unless a service still had it in memory.
    ///
    /// Days that are archived meanwhile are in the archive at this URL, if there is one.
    pub async fn lacking_in(&self, successor: &Self, archive: Option<&str>) -> BTreeSet<StoredAs> {
        let archive = archive.map(tiers::archive);
        let was = Holdings::of(self, archive.as_ref()).await;
        let is = Holdings::of(successor, archive.as_ref()).await;
        let since = self.taken_at.saturating_sub(SURELY_REPLICATED_MS);
        let entries =
            was.entries.difference(&is.entries).filter(|(_, id)| milliseconds(id) >= since);
        entries.chain(was.stored.difference(&is.stored)).cloned().collect()
    }
}

/// The readings of a server.
struct Holdings {
    entries: BTreeSet<StoredAs>,
    stored: BTreeSet<StoredAs>,
}

impl Holdings {
    /// Starts a server over a copy of the files; archived days are read from the archive as it is now.
    async fn of(remains: &Remains, archive: Option<&ParquetArchive>) -> Self {
        let mut server = RedisServer::prepared(&[]);
        each_file(remains.files.path(), server.directory(), copy);
        server.restart().await;
        let mut redis = [RedisAt::port(server.port())];
        let stored = Contents::read(&mut redis, archive).await.stored_as();
        let [mut redis] = redis;
        Self { entries: Contents::entries(&mut redis).await, stored }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

fn milliseconds(id: &str) -> u64 {
    id.split('-').next().and_then(|ms| ms.parse().ok()).unwrap_or_default()
}

fn each_file(from: &Path, to: &Path, act: impl Fn(&Path, &Path)) {
    let to = to.join(FILES);
    fs::create_dir_all(&to).unwrap();
    for file in fs::read_dir(from.join(FILES)).unwrap().flatten() {
        act(&file.path(), &to.join(file.file_name()));
    }
}
