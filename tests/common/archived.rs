//! Archived days of two sites, and the commands about them.

use std::path::PathBuf;

use tempfile::TempDir;

use super::http::Reply;
use super::packed::{fill, pack};
use super::process::Ended;
use super::product::{Launch, Role, launch, query_api};
use super::redis::RedisServer;

/// A Redis and a directory of archived days.
pub struct Archived {
    pub redis: RedisServer,
    pub directory: TempDir,
}

impl Archived {
    /// Two sites, each with packed days 10 to 13 of January 1970 and hot readings of the day after.
    pub async fn packed() -> Self {
        let redis = RedisServer::start().await;
        for site in ["s", "t"] {
            fill(&redis, site, 10..15).await;
        }
        pack(&redis, &[]).await;
        Self { redis, directory: tempfile::tempdir().unwrap() }
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.directory.path().display())
    }

    pub fn command(&self, arguments: &[&str]) -> Launch {
        launch(&[&["archive"], arguments].concat())
            .env("REDIS_HOST", "127.0.0.1")
            .env("REDIS_PORT", self.redis.port())
            .env("ARCHIVE_URL", self.url())
    }

    /// Runs a command, which must succeed; gives what it prints last.
    pub async fn succeed(&self, arguments: &[&str]) -> String {
        let ended = self.command(arguments).run().await;
        assert!(ended.status.success(), "{ended:?}");
        ended.stderr.lines().last().unwrap_or_default().to_owned()
    }

    pub async fn fail(&self, arguments: &[&str]) -> Ended {
        let ended = self.command(arguments).run().await;
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        ended
    }

    pub async fn reader(&self) -> Role {
        query_api(&self.redis).env("ARCHIVE_URL", self.url()).start().await
    }

    /// The files of the archive.
    pub fn files(&self) -> Vec<PathBuf> {
        self.files_below("readings")
    }

    /// The files of a folder.
    pub fn files_below(&self, folder: &str) -> Vec<PathBuf> {
        let mut folders = vec![self.directory.path().join(folder)];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        files
    }
}

/// The readings of a site, as they are served.
pub async fn readings(reader: &Role, site: &str) -> Reply {
    reader.get(&format!("/sites/{site}/readings")).await
}
