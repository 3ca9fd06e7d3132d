//! Hosts: IPv4 and IPv6 addresses, and host names that are resolved when they are used.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use tokio::net::lookup_host;

/// The syntax of a setting that names a host.
pub(super) const RULE: &str = "must be an IP address (IPv4 or IPv6) or a host name, without a port";

/// Longest host name and longest label (RFC 1035, 2.3.4).
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// An IP address, or a host name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    Address(IpAddr),
    /// A name, or an IPv6 address with a zone (`fe80::1%eth0`, RFC 4007).
    Name(String),
}

impl Host {
    /// The address with a port. Of several, the first IPv4 address is chosen, else the first: a name such as
    /// `localhost` has addresses of both families, and there is one listener.
    ///
    /// # Errors
    /// When the name cannot be resolved.
    pub async fn resolve(&self, port: u16) -> io::Result<SocketAddr> {
        let name = match self {
            Self::Address(address) => return Ok(SocketAddr::new(*address, port)),
            Self::Name(name) => name.as_str(),
        };
        let found: Vec<_> = lookup_host((name, port)).await?.collect();
        let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
        first.copied().ok_or_else(|| io::Error::other("the name has no address"))
    }
}

impl FromStr for Host {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Some(address) = bracketed {
            return address
                .parse::<Ipv6Addr>()
                .map(|v6| Self::Address(v6.into()))
                .map_err(|_| RULE);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        if is_name(text) || has_zone(text) { Ok(Self::Name(text.to_owned())) } else { Err(RULE) }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Whether this is a host name. One that ends in a number is a mistyped address (WHATWG URL, "ends in a
/// number").
fn is_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let fits = (1..=LONGEST_LABEL).contains(&label.len());
        fits && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= LONGEST_NAME && name.split('.').all(is_label) && !is_number
}

fn has_zone(text: &str) -> bool {
    let parts = text.split_once('%');
    parts.is_some_and(|(address, zone)| address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_families_and_names_are_hosts() {
        for (text, shown) in [
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("fe80::1%eth0", "fe80::1%eth0"),
            ("localhost", "localhost"),
            ("my_redis", "my_redis"),
            ("redis-0.redis.energy.svc.cluster.local.", "redis-0.redis.energy.svc.cluster.local."),
        ] {
            assert_eq!(text.parse::<Host>().map(|host| host.to_string()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn text_that_is_neither_is_rejected() {
        let long = "a".repeat(64);
        for text in [
            "",
            " ",
            "localhost:6379",
            "[::1]:6379",
            "127.0.0.1:1",
            "256.1.1.1",
            "1.2.3",
            "[127.0.0.1]",
            "[::1",
            "a..b",
            ".",
            "redis://host",
            "host/0",
            "user@host",
            "[localhost]",
            "::1%",
            &long,
        ] {
            assert_eq!(text.parse::<Host>(), Err(RULE), "{text}");
        }
    }

    #[tokio::test]
    async fn an_address_is_not_resolved() {
        let host: Host = "[::1]".parse().unwrap();
        assert_eq!(host.resolve(80).await.unwrap().to_string(), "[::1]:80");
    }
}
