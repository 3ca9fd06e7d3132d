//! Commands about the server itself: its description, its clock, and what `up` needs to manage its
//! private Redis.

use std::time::Duration;

use redis::{Value, cmd};

use super::reply;
use super::server_info::ServerInfo;
use super::shared::SharedConnection;
use crate::store::error::StoreResult;

impl SharedConnection {
    /// Reads `INFO`: managed servers forbid `CONFIG GET`, but not this.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn server_info(&self) -> StoreResult<ServerInfo> {
        const INFO: &str = "INFO";
        let reply = self.send(INFO, &cmd(INFO)).await?;
        let info = reply::text(reply).and_then(|info| ServerInfo::parse(&info));
        info.ok_or_else(|| self.unexpected_reply(INFO))
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

    /// The server's clock (`TIME`), since the Unix epoch.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub(crate) async fn server_time(&self) -> StoreResult<Duration> {
        const TIME: &str = "TIME";
        let reply = self.send(TIME, &cmd(TIME)).await?;
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
