//! The address of the client of a request, also behind reverse proxies.
//!
//! A proxy appends the address of its peer to `X-Forwarded-For`; what precedes it is what the client sent, and can be
//! forged. So the list is read from its end, and only as far as the addresses are those of trusted proxies.
//! `Forwarded` (RFC 7239) is not read: a proxy that writes the one header passes the other one on as the client sent it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use poem::http::{HeaderMap, HeaderName, HeaderValue};
use poem::{Endpoint, Request, Response, Result};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The syntax of a trusted proxy.
const RULE: &str =
    "must be addresses or networks of reverse proxies, such as 10.1.2.3,10.0.0.0/8,fd00::/8";

/// The prefix of an IPv6 address that names its network: a host chooses the rest, and changes it (RFC 8981).
const IPV6_NETWORK: Ipv6Addr = Ipv6Addr::new(0xffff, 0xffff, 0xffff, 0xffff, 0, 0, 0, 0);

/// A trusted reverse proxy: its address, or the network of its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedProxy(IpNet);

/// The reverse proxies whose `X-Forwarded-For` is trusted. Clones share them.
#[derive(Debug, Clone)]
pub struct TrustedProxies(Arc<[TrustedProxy]>);

/// The address of the client, in the extensions of a request that a trusted proxy has forwarded.
#[derive(Debug, Clone, Copy)]
struct ForwardedFor(IpAddr);

impl TrustedProxies {
    /// These proxies; of another peer the header is not read.
    #[must_use]
    pub fn new(proxies: Vec<TrustedProxy>) -> Self {
        Self(proxies.into())
    }

    /// The endpoint, whose requests have the address of their client.
    pub fn resolve<E>(&self, endpoint: E) -> Resolved<E> {
        Resolved { proxies: self.clone(), endpoint }
    }

    /// The client of a request from this peer: the last address in `X-Forwarded-For` that is no trusted proxy. Before a
    /// malformed one, and at the begin of the list, it is the trusted proxy that has been reached.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let mut forwarded = forwarded_for(headers);
        while self.contain(client)
            && let Some(Some(previous)) = forwarded.next()
        {
            client = previous;
        }
        client
    }

    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|proxy| proxy.0.contains(&address))
    }
}

/// The addresses of all `X-Forwarded-For` headers, which are one list (RFC 9110, 5.3), from its end; `None` for a
/// malformed one.
fn forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let values = headers.get_all(X_FORWARDED_FOR).iter().rev().map(HeaderValue::as_bytes);
    let items = values.flat_map(|value| value.rsplit(|byte| *byte == b','));
    let items = items.map(<[u8]>::trim_ascii);
    items.filter(|item| !item.is_empty()).map(address)
}

/// An address, also with a port, and that of IPv6 also in brackets.
fn address(item: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(item).ok()?;
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    let address = text.parse().ok().or_else(with_port);
    address.or_else(|| in_brackets().map(IpAddr::V6)).map(|address| address.to_canonical())
}

impl FromStr for TrustedProxy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let address = || text.parse().ok().map(|address: IpAddr| address.to_canonical().into());
        text.parse().ok().or_else(address).map(Self).ok_or(RULE)
    }
}

/// The address of the client of a request; `None` for one that no server has received.
pub(crate) fn of(request: &Request) -> Option<IpAddr> {
    let forwarded = request.extensions().get::<ForwardedFor>().map(|client| client.0);
    forwarded.or_else(|| peer(request))
}

fn peer(request: &Request) -> Option<IpAddr> {
    request.remote_addr().as_socket_addr().map(|address| address.ip().to_canonical())
}

/// What is limited as one client: an IPv4 address, or the network (/64) of an IPv6 address.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => (address & IPV6_NETWORK).into(),
    }
}

/// An endpoint whose requests have the address of their client.
pub struct Resolved<E> {
    proxies: TrustedProxies,
    endpoint: E,
}

impl<E: Endpoint<Output = Response>> Endpoint for Resolved<E> {
    type Output = Response;

    // Not an async function: that would move the request once more.
    fn call(&self, mut request: Request) -> impl Future<Output = Result<Response>> + Send {
        // Without trusted proxies nothing is read or stored.
        if !self.proxies.0.is_empty()
            && let Some(peer) = peer(&request)
        {
            let client = self.proxies.client(peer, request.headers());
            if client != peer {
                request.extensions_mut().insert(ForwardedFor(client));
            }
        }
        self.endpoint.call(request)
    }
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, headers: &[&str]) -> String {
        let trusted = trusted.iter().map(|proxy| proxy.parse().unwrap()).collect();
        let headers = headers.iter().map(|value| (X_FORWARDED_FOR, value.parse().unwrap()));
        let client = TrustedProxies::new(trusted).client(peer.parse().unwrap(), &headers.collect());
        client.to_string()
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_trusted_proxy() {
        let trusted = ["10.0.0.0/8", "fd00::1"];
        for (headers, expected) in [
            (&["192.0.2.1"][..], "192.0.2.1"),
            (&["198.51.100.1, 192.0.2.1"], "192.0.2.1"),
            (&["192.0.2.1, 10.9.9.9, fd00::1"], "192.0.2.1"),
            (&["198.51.100.1", "192.0.2.1", "10.9.9.9"], "192.0.2.1"),
            (&["192.0.2.1,,", ""], "192.0.2.1"),
            // Only proxies: the request is that of the first.
            (&["10.7.7.7, 10.9.9.9"], "10.7.7.7"),
            (&[], "10.1.2.3"),
        ] {
            assert_eq!(client(&trusted, "10.1.2.3", headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn the_header_of_an_untrusted_peer_is_not_read() {
        for trusted in [&[][..], &["10.0.0.0/8"], &["fd00::1"]] {
            assert_eq!(client(trusted, "192.0.2.7", &["198.51.100.1"]), "192.0.2.7");
        }
    }

    #[test]
    fn an_address_may_have_a_port_or_brackets_and_one_mapped_to_ipv6_is_that_of_ipv4() {
        for (text, expected) in [
            ("192.0.2.1:1234", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:1234", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
        ] {
            assert_eq!(client(&["10.0.0.1"], "::ffff:10.0.0.1", &[text]), expected, "{text}");
        }
    }

    #[test]
    fn the_list_ends_at_a_malformed_address() {
        for text in
            ["unknown", "_hidden", "192.0.2.1:", "192.0.2", "[192.0.2.1]", "\"192.0.2.1\"", "é"]
        {
            let header = format!("198.51.100.1, {text}, 10.9.9.9");
            assert_eq!(client(&["10.0.0.0/8"], "10.1.2.3", &[&header]), "10.9.9.9", "{text}");
        }
    }

    #[test]
    fn a_trusted_proxy_is_an_address_or_a_network() {
        for text in ["10.0.0.1", " 10.0.0.0/8", "10.1.2.3/8", "::1", "fd00::/8", "0.0.0.0/0"] {
            assert!(text.parse::<TrustedProxy>().is_ok(), "{text}");
        }
        for text in ["", "10.0.0", "10.0.0.0/33", "proxy.example", "10.0.0.1:80", "[::1]", "*"] {
            assert_eq!(text.parse::<TrustedProxy>(), Err(RULE), "{text}");
        }
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        let network_of = |address: &str| network(address.parse().unwrap()).to_string();
        assert_eq!(network_of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network_of("192.0.2.1"), "192.0.2.1");
    }
}
