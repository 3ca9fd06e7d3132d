//! The hosts that requests may name in `Host`.
//!
//! DNS rebinding: a page of `evil.example` makes its own name resolve to 127.0.0.1, and its requests to itself then
//! reach a service on the user's machine. The browser takes them for requests of the same origin, and only `Host`
//! shows the name. Addresses cannot be rebound: no page has one as its host but those that are served from it.

use std::net::{IpAddr, SocketAddr};

use super::host_pattern::{HostPattern, ends_with};

/// Which hosts requests may name.
#[derive(Debug, Clone)]
pub(super) struct AllowedHosts {
    listed: Vec<HostPattern>,
    listens_on_loopback: bool,
}

impl AllowedHosts {
    /// The listed hosts and the local ones. Without a list, every host unless the server listens on a loopback
    /// address.
    pub fn new(listed: Vec<HostPattern>, local: SocketAddr) -> Self {
        Self { listed, listens_on_loopback: is_loopback(local.ip()) }
    }

    /// Whether a request may name this host, with or without a port.
    pub fn allow(&self, host: &str) -> bool {
        if self.listed.is_empty() && !self.listens_on_loopback {
            return true;
        }
        let name = without_port(host);
        self.is_local(name) || self.listed.iter().any(|pattern| pattern.matches(name))
    }

    /// Names of this machine. Elsewhere than on loopback every address is one: probes and scrapers name a pod by it.
    fn is_local(&self, name: &str) -> bool {
        if let Ok(address) = name.parse() {
            return !self.listens_on_loopback || is_loopback(address);
        }
        // RFC 6761, 6.3: names below `localhost` are this machine, too, and resolvers ask no server for them.
        name.eq_ignore_ascii_case("localhost") || ends_with(name, ".localhost")
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The host without its port, the brackets of an IPv6 address, and the dot that ends an absolute name.
fn without_port(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(listed: &[&str], listens: &str, host: &str) -> bool {
        let listed = listed.iter().map(|pattern| pattern.parse().unwrap()).collect();
        AllowedHosts::new(listed, listens.parse().unwrap()).allow(host)
    }

    #[test]
    fn on_loopback_only_names_of_this_machine_are_allowed() {
        for listens in ["127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            for host in ["localhost", "LOCALHOST:8000", "localhost.", "up.localhost:1", "127.0.0.1"]
            {
                assert!(allowed(&[], listens, host), "{host} at {listens}");
            }
            assert!(allowed(&[], listens, "[::1]:8000") && allowed(&[], listens, "127.0.0.2:1"));
            for host in ["evil.example", "evil.example:8000", "localhost.evil.example", "10.0.0.1"]
            {
                assert!(!allowed(&[], listens, host), "{host} at {listens}");
            }
            for host in
                ["", "evillocalhost", ".localhost", "[2001:db8::7]", "127.0.0.1.evil.example"]
            {
                assert!(!allowed(&[], listens, host), "{host} at {listens}");
            }
        }
    }

    #[test]
    fn elsewhere_every_host_is_allowed_until_some_are_listed() {
        assert!(allowed(&[], "0.0.0.0:80", "evil.example"));
        let listed = ["energy.example"];
        for host in ["energy.example", "energy.example:3000", "localhost", "10.0.0.7:8000"] {
            assert!(allowed(&listed, "[::]:80", host), "{host}");
        }
        assert!(!allowed(&listed, "[::]:80", "evil.example"));
    }

    #[test]
    fn on_loopback_listed_hosts_are_allowed_beside_those_of_this_machine() {
        assert!(allowed(&["energy.example"], "127.0.0.1:80", "energy.example"));
        assert!(allowed(&["energy.example"], "127.0.0.1:80", "localhost"));
        assert!(!allowed(&["energy.example"], "127.0.0.1:80", "evil.example"));
    }
}
