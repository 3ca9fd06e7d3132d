//! What `up` needs to manage a Redis server of its own.

use redis::cmd;

use super::connection::SharedConnection;
use super::error::{StoreError, StoreResult};
use super::reply;

impl SharedConnection {
    /// The directory that the server keeps its data in (`CONFIG GET dir`).
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn data_directory(&self) -> StoreResult<String> {
        const CONFIG: &str = "CONFIG GET dir";
        let reply = self.send(CONFIG, cmd("CONFIG").arg("GET").arg("dir")).await?;
        let directory = reply::map(reply).and_then(|mut map| reply::text(map.pop()?.1));
        directory.ok_or_else(|| StoreError::unexpected_reply(CONFIG))
    }

    /// Asks the server to write its data and end (`SHUTDOWN`). It answers by closing the connection,
    /// so there is no telling here whether it will.
    pub async fn shut_down_server(&self) {
        let _ = self.send("SHUTDOWN", &cmd("SHUTDOWN")).await;
    }
}
