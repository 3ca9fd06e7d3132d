//! What is asked of the server itself: its clock, and what `up` needs to manage one of its own.

use std::time::Duration;

use redis::{Value, cmd};

use super::reply;
use super::shared::SharedConnection;
use crate::store::error::StoreResult;

impl SharedConnection {
    /// The directory that the server keeps its data in (`CONFIG GET dir`).
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn data_directory(&self) -> StoreResult<String> {
        const CONFIG: &str = "CONFIG GET dir";
        let reply = self.send(CONFIG, cmd("CONFIG").arg("GET").arg("dir")).await?;
        let directory = reply::map(reply).and_then(|mut map| reply::text(map.pop()?.1));
        directory.ok_or_else(|| self.unexpected_reply(CONFIG))
    }

    /// The server's clock (`TIME`), since the Unix epoch.
    ///
    /// # Errors
    /// When the server did not answer or refused.
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

    /// Asks the server to write its data and end (`SHUTDOWN`). It answers by closing the connection,
    /// so there is no telling here whether it will.
    pub async fn shut_down_server(&self) {
        let _ = self.send("SHUTDOWN", &cmd("SHUTDOWN")).await;
    }
}
