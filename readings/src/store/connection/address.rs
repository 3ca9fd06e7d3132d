//! The address of a Redis server, of the Sentinels that know which of several is the master, or of nodes of a Redis Cluster.

use std::borrow::Cow;
use std::net::Ipv6Addr;
use std::path::Path;
use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo,
    TlsCertificates,
};

/// After this silence the kernel probes the peer, and after as long again without an answer the
/// connection is dropped. Too low and idle connections cost packets; too high and a vanished host is noticed
/// late.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// Data that the peer does not acknowledge for this long end the connection (`TCP_USER_TIMEOUT`). Too
/// low and a short network outage costs a reconnect; too high and a vanished host is noticed late.
#[cfg(target_os = "linux")]
pub(super) const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);

/// The port of Sentinels that name none.
const SENTINEL_PORT: u16 = 26379;

/// The port of nodes of a Redis Cluster that name none.
const NODE_PORT: u16 = 6379;

/// Why an address is invalid, and the form that is expected. It never contains the address itself, in which
/// a password may be.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(pub(super) Cow<'static, str>);

type Parsed<T> = Result<T, AddressError>;

const fn invalid(rule: &'static str) -> AddressError {
    AddressError(Cow::Borrowed(rule))
}

/// The address of a server, and the user and password of its URL.
#[derive(Debug, Clone)]
pub(super) enum Address {
    /// One server.
    Server(ConnectionInfo),
    /// The master of this name that these Sentinels report at the time.
    Sentinel { master_name: String, sentinels: Vec<ConnectionAddr>, login: RedisConnectionInfo },
    /// The nodes of a Redis Cluster, some of which are these.
    Cluster { seeds: Vec<ConnectionAddr>, login: RedisConnectionInfo },
}

impl Address {
    /// Names a server by host and port.
    pub fn from_host_port(host: &str, port: u16) -> Parsed<Self> {
        const RULE: &str = "must be the name or address of a host, without a port, such as \
                            redis.example.com, 192.0.2.1 or ::1";
        let host = bare_host(host).ok_or(invalid(RULE))?;
        Ok(Self::Server(read(ConnectionAddr::Tcp(host.to_owned(), port))?))
    }

    /// Names a server by the path of its Unix socket.
    pub fn from_socket(path: &Path) -> Parsed<Self> {
        Ok(Self::Server(read(ConnectionAddr::Unix(path.to_owned()))?))
    }

    /// Parses `redis://`, `rediss://`, `redis+unix://`,
    /// `redis+sentinel://[user:password@]host[:port],…/master[/database]`, or
    /// `redis+cluster://[user:password@]host[:port],…`; with `rediss+…://` all of the servers use TLS.
    pub fn parse(url: &str) -> Parsed<Self> {
        const SCHEMES: &str = "must begin with redis://, rediss:// (TLS), redis+unix://, \
                               redis+sentinel://, rediss+sentinel:// (TLS), redis+cluster:// or \
                               rediss+cluster:// (TLS)";
        let (scheme, rest) = url.split_once("://").ok_or(invalid(SCHEMES))?;
        match scheme {
            "redis" | "rediss" | "valkey" | "valkeys" => Self::parse_server(url, rest),
            "redis+unix" | "valkey+unix" | "unix" => Ok(Self::Server(read(url)?)),
            "redis+sentinel" => Self::parse_sentinel(rest, tcp_address),
            "rediss+sentinel" => Self::parse_sentinel(rest, tls_address),
            "redis+cluster" | "valkey+cluster" => Self::parse_cluster(rest, tcp_address),
            "rediss+cluster" | "valkeys+cluster" => Self::parse_cluster(rest, tls_address),
            _ => Err(invalid(SCHEMES)),
        }
    }

    fn parse_server(url: &str, rest: &str) -> Parsed<Self> {
        reject_raw_delimiters(rest)?;
        let info = read(url)?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
            return Err(invalid(
                "cannot have #insecure: the server's certificate is always checked; name its \
                 authority with REDIS_TLS_CA_FILE",
            ));
        }
        Ok(Self::Server(info))
    }

    fn parse_sentinel(rest: &str, address: ToAddress) -> Parsed<Self> {
        const RULE: &str =
            "must be redis+sentinel://[user:password@]host[:port],…/master[/database]";
        const ONE_MASTER: &str = "must name one master after the Sentinels, not several: the stream and all readings \
                                  are on one; to spread them over several servers use Redis Cluster";
        reject_raw_delimiters(rest)?;
        let (login, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (master_name, database) = path.split_once('/').unwrap_or((path, ""));
        if master_name.contains(',') {
            return Err(invalid(ONE_MASTER));
        }
        let login = read_login(login, database)?;
        let sentinels = several(hosts, SENTINEL_PORT, address);
        let sentinels = sentinels.filter(|_| !master_name.is_empty()).ok_or(invalid(RULE))?;
        Ok(Self::Sentinel { master_name: master_name.to_owned(), sentinels, login })
    }

    fn parse_cluster(rest: &str, address: ToAddress) -> Parsed<Self> {
        const RULE: &str = "must be redis+cluster://[user:password@]host[:port],…";
        const DATABASE: &str =
            "must not name a database other than 0: a Redis Cluster has no others";
        reject_raw_delimiters(rest)?;
        let (login, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
        if !["", "0"].contains(&database) {
            return Err(invalid(DATABASE));
        }
        let login = read_login(login, database)?;
        let seeds = several(hosts, NODE_PORT, address).ok_or(invalid(RULE))?;
        Ok(Self::Cluster { seeds, login })
    }

    /// The address of one node, with the user and password of this one.
    pub fn of_node(&self, address: ConnectionAddr) -> Parsed<Self> {
        Ok(Self::Server(read(address)?.set_redis_settings(self.login().clone())))
    }

    /// Whether connections use TLS.
    pub fn uses_tls(&self) -> bool {
        let uses_tls = |address| matches!(address, &ConnectionAddr::TcpTls { .. });
        match self {
            Self::Server(info) => uses_tls(info.addr()),
            Self::Sentinel { sentinels: nodes, .. } | Self::Cluster { seeds: nodes, .. } => {
                nodes.iter().any(uses_tls)
            }
        }
    }

    /// As logs name it, without password.
    pub fn name(&self) -> String {
        match self {
            Self::Server(info) => shown(info.addr()),
            Self::Sentinel { master_name, sentinels, .. } => {
                format!("master {master_name} of Sentinels {}", all_shown(sentinels))
            }
            Self::Cluster { seeds, .. } => format!("Redis Cluster {}", all_shown(seeds)),
        }
    }

    /// User, password and database of the URL.
    pub fn login(&self) -> &RedisConnectionInfo {
        match self {
            Self::Server(info) => info.redis_settings(),
            Self::Sentinel { login, .. } | Self::Cluster { login, .. } => login,
        }
    }
}

/// The address of a host and a port.
type ToAddress = fn(String, u16) -> ConnectionAddr;

const fn tcp_address(host: String, port: u16) -> ConnectionAddr {
    ConnectionAddr::Tcp(host, port)
}

const fn tls_address(host: String, port: u16) -> ConnectionAddr {
    ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
}

/// The address of a server that another one names: with TLS if that one has it.
pub(super) fn like(address: &ConnectionAddr, host: String, port: u16) -> ConnectionAddr {
    match address {
        ConnectionAddr::TcpTls { .. } => tls_address(host, port),
        _ => tcp_address(host, port),
    }
}

/// A client for one server.
pub(super) fn client_of(
    address: ConnectionAddr,
    login: &RedisConnectionInfo,
    certificates: TlsCertificates,
) -> redis::RedisResult<Client> {
    let info = address.into_connection_info()?;
    // `CLIENT SETINFO` (Redis 7.2) would be denied, and be in `ACL LOG`, at each connection of a user with the rights needed.
    let login = login.clone().set_skip_set_lib_name();
    let info = info.set_redis_settings(login).set_tcp_settings(tcp());
    if certificates.root_cert.is_none() && certificates.client_tls.is_none() {
        return Client::open(info);
    }
    Client::build_with_tls(info, certificates)
}

/// An address as it is written in URLs: IPv6 in brackets.
pub(super) fn shown(address: &ConnectionAddr) -> String {
    match address {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. }
            if host.contains(':') =>
        {
            format!("[{host}]:{port}")
        }
        address => address.to_string(),
    }
}

fn all_shown(addresses: &[ConnectionAddr]) -> String {
    addresses.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// User, password and database, which the library reads from a URL; the host in it is not used.
fn read_login(login: &str, database: &str) -> Parsed<RedisConnectionInfo> {
    // Without a login no `@`: it would be an empty user.
    let at = if login.is_empty() { "" } else { "@" };
    Ok(read(format!("redis://{login}{at}host/{database}"))?.redis_settings().clone())
}

/// Parses an address with the client library. The error omits the address, in which a password may be.
fn read(address: impl IntoConnectionInfo) -> Parsed<ConnectionInfo> {
    address.into_connection_info().map_err(|error| {
        let text = error.to_string();
        let text = text.split(" - InvalidClientConfig").next().unwrap_or_default();
        AddressError(format!("cannot be connected to: {text}").into())
    })
}

/// A `/`, `?` or `#` ends the part of a URL that has user and password; an `@` after it shows that it
/// was meant as a part of them.
fn reject_raw_delimiters(rest: &str) -> Parsed<()> {
    const RULE: &str = "has /, ? or # in its user or password, which must be percent-encoded there: \
                        %2F, %3F, %23 (and @ %40, : %3A, % %25)";
    let is_raw = rest.find(['/', '?', '#']).is_some_and(|end| rest[end..].contains('@'));
    if is_raw { Err(invalid(RULE)) } else { Ok(()) }
}

/// A host without a port: an IPv6 address may be in brackets.
fn bare_host(text: &str) -> Option<&str> {
    let host = text.strip_prefix('[').map_or(Some(text), |rest| rest.strip_suffix(']'))?;
    // A zone after % names a network interface: fe80::1%eth0.
    let address = host.split('%').next().unwrap_or_default();
    let is_ipv6 = address.parse::<Ipv6Addr>().is_ok();
    let is_name = |c: char| !c.is_whitespace() && !c.is_control() && !":/@[]?#,\\".contains(c);
    let usable = is_ipv6 || (host.len() == text.len() && host.chars().all(is_name));
    (usable && !host.is_empty()).then_some(host)
}

/// Hosts with a comma between each two.
fn several(hosts: &str, port: u16, address: ToAddress) -> Option<Vec<ConnectionAddr>> {
    hosts.split(',').map(|host| host_and_port(host, port, address)).collect()
}

/// `host[:port]`; an IPv6 address with a port must be in brackets.
fn host_and_port(text: &str, default: u16, address: ToAddress) -> Option<ConnectionAddr> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().ok().filter(|port| *port > 0)?)
        }
        _ => (text, default),
    };
    Some(address(bare_host(host)?.to_owned(), port))
}

/// Lets the kernel probe a silent peer.
pub(super) const fn keepalive() -> TcpKeepalive {
    TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE)
}

fn tcp() -> TcpSettings {
    let tcp = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive());
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(TCP_USER_TIMEOUT);
    tcp
}

#[cfg(test)]
mod tests;
