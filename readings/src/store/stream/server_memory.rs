//! How full the server is.

use std::time::Duration;

use redis::cmd;

use super::reading_stream::ReadingStream;
use crate::store::connection::reply;
use crate::store::error::StoreResult;

/// The server's memory (`INFO memory`), in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerMemory {
    /// What it has taken for data and for itself.
    pub used: u64,
    /// `maxmemory`; `None` where it has no limit.
    pub max: Option<u64>,
}

impl ReadingStream {
    /// The server's clock, since the Unix epoch.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn server_time(&self) -> StoreResult<Duration> {
        self.connection().server_time().await
    }

    /// Asks the server how full it is.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn server_memory(&self) -> StoreResult<ServerMemory> {
        const INFO: &str = "INFO memory";
        let reply = self.connection().send(INFO, cmd("INFO").arg("memory")).await?;
        let memory = reply::text(reply).and_then(|info| parse(&info));
        memory.ok_or_else(|| self.connection().unexpected_reply(INFO))
    }
}

fn parse(info: &str) -> Option<ServerMemory> {
    let value = |name: &str| -> Option<u64> {
        let named =
            |line: &str| line.split_once(':').filter(|(of, _)| *of == name)?.1.trim().parse().ok();
        info.lines().find_map(named)
    };
    Some(ServerMemory {
        used: value("used_memory")?,
        max: value("maxmemory").filter(|&max| max > 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_a_limit_has_no_maximum() {
        let info = |max| {
            format!("# Memory\r\nused_memory:1500\r\nused_memory_human:1.5K\r\nmaxmemory:{max}\r\n")
        };
        let memory = |max| Some(ServerMemory { used: 1_500, max });
        assert_eq!(parse(&info(0)), memory(None));
        assert_eq!(parse(&info(4_000)), memory(Some(4_000)));
        assert_eq!(parse("# Memory\r\n"), None);
    }
}
