//! The server's description of its replication (`INFO replication`).

/// What a server is in its replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Primary,
    Replica,
}

/// Where a server is in a history of writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReplicationInfo {
    pub role: Role,
    /// The history: a promoted replica begins another.
    pub replication_id: String,
    /// Bytes of it that the server has executed.
    pub offset: u64,
}

impl ReplicationInfo {
    /// Parses the text of `INFO replication`; `None` when it is not Redis'.
    pub fn parse(info: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut lines = info.lines().filter_map(|line| line.trim_end().split_once(':'));
            lines.find(|(field, _)| *field == name).map(|(_, value)| value)
        };
        let (role, offset) = match field("role")? {
            "master" => (Role::Primary, "master_repl_offset"),
            // What it has executed, not what it has received.
            "slave" => (Role::Replica, "slave_repl_offset"),
            _ => return None,
        };
        let replication_id = field("master_replid")?.to_owned();
        Some(Self { role, replication_id, offset: field(offset)?.parse().ok()? })
    }
}

/// Whether a server replies that it is a replica and has a link to its primary: what it has is not of long ago.
pub(super) fn follows_its_primary(info: &str) -> bool {
    info.lines().any(|line| line.trim_end() == "master_link_status:up")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_follows_while_its_link_is_up() {
        assert!(follows_its_primary("role:slave\r\nmaster_link_status:up\r\n"));
        assert!(!follows_its_primary("role:slave\r\nmaster_link_status:down\r\n"));
        assert!(!follows_its_primary("role:master\r\n"));
    }

    #[test]
    fn a_replica_has_what_it_has_executed() {
        let info = "# Replication\r\nrole:slave\r\nslave_read_repl_offset:90\r\nslave_repl_offset:70\r\n\
                    master_replid:abc\r\nmaster_repl_offset:80\r\n";
        let replica = ReplicationInfo::parse(info).unwrap();
        assert_eq!((replica.role, replica.offset), (Role::Replica, 70));
        let primary = ReplicationInfo::parse(&info.replace("slave\r", "master\r")).unwrap();
        assert_eq!((primary.role, primary.offset), (Role::Primary, 80));
        assert_eq!(ReplicationInfo::parse("role:master\r\n"), None);
    }
}
