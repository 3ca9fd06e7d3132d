//! The server's description of itself (`INFO`).

/// The fields of `INFO` that readings depend on.
#[derive(Debug, Clone, Default)]
pub struct ServerInfo {
    /// 0 where there is no limit.
    pub(super) maxmemory: u64,
    pub(super) maxmemory_policy: String,
    pub(super) append_only: bool,
    pub(super) role: String,
    pub(super) cluster: bool,
    pub(super) version: String,
}

impl ServerInfo {
    /// Parses the text of `INFO`; `None` when it is not Redis'.
    pub(super) fn parse(info: &str) -> Option<Self> {
        let mut parsed = Self::default();
        for (name, value) in info.lines().filter_map(|line| line.trim_end().split_once(':')) {
            match name {
                "maxmemory" => parsed.maxmemory = value.parse().unwrap_or_default(),
                "maxmemory_policy" => value.clone_into(&mut parsed.maxmemory_policy),
                "aof_enabled" => parsed.append_only = value == "1",
                "role" => value.clone_into(&mut parsed.role),
                "cluster_enabled" => parsed.cluster = value == "1",
                "redis_version" => value.clone_into(&mut parsed.version),
                _ => {}
            }
        }
        (!parsed.version.is_empty()).then_some(parsed)
    }

    /// Of two servers of a cluster, what is worse of each.
    pub(super) fn and(self, other: Self) -> Self {
        let evicts = other.maxmemory_policy.starts_with("allkeys-");
        let is_replica = self.role == "slave";
        Self {
            // 0: without a limit.
            maxmemory: self.maxmemory.min(other.maxmemory),
            role: if is_replica { self.role } else { other.role },
            append_only: self.append_only && other.append_only,
            cluster: self.cluster || other.cluster,
            maxmemory_policy: if evicts { other.maxmemory_policy } else { self.maxmemory_policy },
            version: older(self.version, other.version),
        }
    }
}

/// The lower of two versions, such as `7.0.15`.
fn older(one: String, other: String) -> String {
    let numbers = |version: &str| -> Vec<u64> {
        version.split('.').map(|number| number.parse().unwrap_or_default()).collect()
    };
    if numbers(&other) < numbers(&one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_servers_the_worst_of_each_counts() {
        let info = |text: &str| ServerInfo::parse(&text.replace(' ', "\n")).unwrap();
        let good = info(
            "redis_version:10.0.0 maxmemory:5 maxmemory_policy:noeviction aof_enabled:1 role:master",
        );
        let bad = info(
            "redis_version:7.2.0 maxmemory:0 maxmemory_policy:allkeys-lru aof_enabled:0 role:slave",
        );
        for both in [good.clone().and(bad.clone()), bad.and(good)] {
            assert_eq!((both.maxmemory, both.append_only), (0, false));
            assert_eq!(both.maxmemory_policy, "allkeys-lru");
            assert_eq!((both.role.as_str(), both.version.as_str()), ("slave", "7.2.0"));
        }
    }
}
