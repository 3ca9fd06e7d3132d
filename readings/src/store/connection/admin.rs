//! Commands about the server itself: its description, its clock, and what `up` needs to manage its
//! private Redis.

use std::time::Duration;

use redis::{Value, cmd};

use super::reply;
use super::server_info::ServerInfo;
use super::shared::{SharedConnection, of_reachable};
use crate::store::error::StoreResult;

impl SharedConnection {
    /// Reads `INFO`: managed servers forbid `CONFIG GET`, but not this. Of several masters it has what is worst of each.
    ///
    /// # Errors
    /// When a server replied with an error or not at all.
    pub async fn server_info(&self) -> StoreResult<ServerInfo> {
        const INFO: &str = "INFO";
        let mut found = Vec::new();
        for master in self.masters().await? {
            found.push(master.info_of_one(INFO).await);
        }
        let worst = of_reachable(found)?.into_iter().reduce(ServerInfo::and);
        worst.ok_or_else(|| self.unexpected_reply(INFO))
    }

    async fn info_of_one(&self, operation: &'static str) -> StoreResult<ServerInfo> {
        let reply = self.send(operation, &cmd("INFO")).await?;
        let info = reply::text(reply).and_then(|info| ServerInfo::parse(&info));
        info.ok_or_else(|| self.unexpected_reply(operation))
    }

    /// The directory of the server's data (`CONFIG GET dir`).
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn data_directory(&self) -> StoreResult<String> {
        const CONFIG: &str = "CONFIG GET dir";
        let reply = self.send(CONFIG, cmd("CONFIG").arg("GET").arg("dir")).await?;
        let directory = reply::map(reply).and_then(|mut map| reply::text(map.pop()?.1));
        directory.ok_or_else(|| self.unexpected_reply(CONFIG))
    }

    /// The clock of the server that has this key (`TIME`), since the Unix epoch.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub(crate) async fn server_time(&self, key: &str) -> StoreResult<Duration> {
        const TIME: &str = "TIME";
        let reply = self.send_to(key, TIME, &cmd(TIME)).await?;
        let parts = reply::array(reply).and_then(|parts| <[Value; 2]>::try_from(parts).ok());
        let number = |value| reply::text(value)?.parse().ok();
        let time = parts.and_then(|[seconds, micros]| {
            Some(Duration::from_secs(number(seconds)?) + Duration::from_micros(number(micros)?))
        });
        time.ok_or_else(|| self.unexpected_reply(TIME))
    }

    /// Requests the server to save its data and exit (`SHUTDOWN`). Its only reply is that it closes the
    /// connection, so success cannot be told here from a lost connection.
    pub async fn shut_down_server(&self) {
        let _ = self.send("SHUTDOWN", &cmd("SHUTDOWN")).await;
    }
}
