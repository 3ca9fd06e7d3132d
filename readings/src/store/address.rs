//! Where a Redis server is: an address, or Sentinels that know which of several is the master.

use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::sentinel::{Sentinel, SentinelNodeConnectionInfo};
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion,
    RedisConnectionInfo, TlsCertificates,
};

use super::error::StoreResult;
use super::server::connect_error;

/// After this silence the kernel probes the peer, and after as long again without an answer the
/// connection is dropped: how soon a vanished host is noticed on an idle connection.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Data that the peer does not acknowledge for this long end the connection (`TCP_USER_TIMEOUT`).
#[cfg(target_os = "linux")]
pub(super) const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

const SENTINEL: &str = "redis+sentinel://";

/// The port of Sentinels that name none.
const SENTINEL_PORT: u16 = 26379;

/// Where a server is, and as whom to connect.
#[derive(Debug, Clone)]
pub(super) enum Address {
    /// One server.
    Server(ConnectionInfo),
    /// The master of this name, by what these Sentinels say at the time.
    Master { name: String, sentinels: Vec<ConnectionAddr>, login: RedisConnectionInfo },
}

impl Address {
    /// Names a server by host and port.
    pub fn of(host: &str, port: u16) -> StoreResult<Self> {
        let address = ConnectionAddr::Tcp(host.to_owned(), port);
        Ok(Self::Server(address.into_connection_info().map_err(connect_error)?))
    }

    /// Reads `redis://`, `rediss://`, `redis+unix://`, or
    /// `redis+sentinel://[user:password@]host[:port],…/master[/database]`.
    pub fn parse(url: &str) -> StoreResult<Self> {
        match url.strip_prefix(SENTINEL) {
            Some(rest) => Self::parse_sentinel(rest),
            None => Ok(Self::Server(url.into_connection_info().map_err(connect_error)?)),
        }
    }

    fn parse_sentinel(rest: &str) -> StoreResult<Self> {
        let (login, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (name, database) = path.split_once('/').unwrap_or((path, ""));
        // The library reads user, password and database; the host in between is not used.
        let at = if login.is_empty() { "" } else { "@" };
        let info = format!("redis://{login}{at}master/{database}").into_connection_info();
        let sentinels: Option<Vec<_>> = hosts.split(',').map(sentinel).collect();
        let Some(sentinels) = sentinels.filter(|_| !name.is_empty()) else {
            let rule = "redis+sentinel:// needs host[:port],…/master";
            return Err(connect_error((redis::ErrorKind::InvalidClientConfig, rule).into()));
        };
        let login = info.map_err(connect_error)?.redis_settings().clone();
        Ok(Self::Master { name: name.to_owned(), sentinels, login })
    }

    /// Whether TLS is spoken.
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Self::Server(info) if matches!(info.addr(), ConnectionAddr::TcpTls { .. }))
    }

    /// Whether it is somebody else's to say where the server is.
    pub const fn may_move(&self) -> bool {
        matches!(self, Self::Master { .. })
    }

    /// The client for the server as it is found now; `login` changes as whom it connects.
    pub async fn client(
        &self,
        login: impl FnOnce(RedisConnectionInfo) -> RedisConnectionInfo,
        root_cert: Option<Vec<u8>>,
    ) -> StoreResult<Client> {
        // RESP3: only there is a lost connection noticed while it is idle.
        let login =
            |info: &RedisConnectionInfo| login(info.clone().set_protocol(ProtocolVersion::RESP3));
        let client = match self {
            Self::Server(info) => {
                let redis = login(info.redis_settings());
                let info = info.clone().set_redis_settings(redis).set_tcp_settings(tcp());
                match root_cert {
                    None => Client::open(info),
                    root_cert => {
                        let certificates = TlsCertificates { client_tls: None, root_cert };
                        Client::build_with_tls(info, certificates)
                    }
                }
            }
            Self::Master { name, sentinels, login: master } => {
                let node = SentinelNodeConnectionInfo::default()
                    .set_redis_connection_info(login(master))
                    .set_tcp_settings(tcp());
                let mut sentinel = Sentinel::build(sentinels.clone()).map_err(connect_error)?;
                sentinel.async_master_for(name, Some(&node)).await
            }
        };
        client.map_err(connect_error)
    }
}

fn sentinel(host: &str) -> Option<ConnectionAddr> {
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (host, SENTINEL_PORT),
    };
    (!host.is_empty()).then(|| ConnectionAddr::Tcp(host.to_owned(), port))
}

/// Has the kernel look after a silent peer.
pub(super) const fn keepalive() -> TcpKeepalive {
    TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE)
}

fn tcp() -> TcpSettings {
    let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive());
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(UNACKNOWLEDGED);
    tcp
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentinel_url_names_sentinels_and_master_and_as_whom_to_connect() {
        let url = "redis+sentinel://app:s3cret@one:1,two/energy/2";
        let Address::Master { name, sentinels, login } = Address::parse(url).unwrap() else {
            panic!("no master")
        };
        assert_eq!(name, "energy");
        let expected = [("one", 1), ("two", SENTINEL_PORT)];
        let expected = expected.map(|(host, port)| ConnectionAddr::Tcp(host.to_owned(), port));
        assert_eq!(sentinels, expected);
        assert_eq!((login.username(), login.password()), (Some("app"), Some("s3cret")));
        assert_eq!(login.db(), 2);
    }

    #[test]
    fn a_sentinel_url_without_master_or_with_a_bad_port_is_refused() {
        for url in ["redis+sentinel://one:1", "redis+sentinel://one:x/m", "redis+sentinel:///m"] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }
}
