//! How full the server's memory is.

use redis::cmd;

use super::reply;
use super::shared::{SharedConnection, of_reachable};
use crate::store::error::StoreResult;

/// The server's memory (`INFO memory`), in bytes. Of a Redis Cluster that of the fullest master, as one that is full
/// rejects its readings.
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
        let mut found = Vec::new();
        for master in self.masters().await? {
            found.push(master.memory_of_one(INFO).await);
        }
        let fuller =
            |one: ServerMemory, other| if one.is_fuller_than(&other) { one } else { other };
        let fullest = of_reachable(found)?.into_iter().reduce(fuller);
        fullest.ok_or_else(|| self.unexpected_reply(INFO))
    }

    async fn memory_of_one(&self, operation: &'static str) -> StoreResult<ServerMemory> {
        let reply = self.send(operation, cmd("INFO").arg("memory")).await?;
        let memory = reply::text(reply).and_then(|info| parse(&info));
        memory.ok_or_else(|| self.unexpected_reply(operation))
    }
}

impl ServerMemory {
    /// Whether more of it is used. One without a limit is less full than any other.
    fn is_fuller_than(&self, other: &Self) -> bool {
        let product = |used: u64, max: u64| u128::from(used) * u128::from(max);
        match (self.max, other.max) {
            (Some(max), Some(other_max)) => {
                product(self.used, other_max) > product(other.used, max)
            }
            (None, None) => self.used > other.used,
            (max, _) => max.is_some(),
        }
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
    fn the_fullest_server_has_used_most_of_its_limit() {
        let memory = |used, max| ServerMemory { used, max };
        let [full, large, unlimited] =
            [memory(9, Some(10)), memory(50, Some(100)), memory(99, None)];
        assert!(full.is_fuller_than(&large) && !large.is_fuller_than(&full));
        assert!(large.is_fuller_than(&unlimited) && !unlimited.is_fuller_than(&large));
        assert!(memory(100, None).is_fuller_than(&unlimited));
    }

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
