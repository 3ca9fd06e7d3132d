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
}
