//! How full the server's memory is.

use redis::cmd;

use super::reply;
use super::shared::SharedConnection;
use crate::store::error::StoreResult;

/// The server's memory (`INFO memory`), in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerMemory {
    /// Allocated for data and for the server itself.
    pub used: u64,
    /// `maxmemory`; `None` where it has no limit.
    pub max: Option<u64>,
}

impl SharedConnection {
    pub(crate) async fn server_memory(&self) -> StoreResult<ServerMemory> {
        const INFO: &str = "INFO memory";
        let reply = self.send(INFO, cmd("INFO").arg("memory")).await?;
        let memory = reply::text(reply).and_then(|info| parse(&info));
        memory.ok_or_else(|| self.unexpected_reply(INFO))
    }
}

fn parse(info: &str) -> Option<ServerMemory> {
    Some(ServerMemory {
        used: number(info, "used_memory")?,
        // 0: no limit.
        max: number(info, "maxmemory").filter(|&max| max > 0),
    })
}

/// The value of the line `name:value`.
fn number(info: &str, name: &str) -> Option<u64> {
    let mut fields = info.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(field, _)| *field == name)?;
    value.trim().parse().ok()
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
