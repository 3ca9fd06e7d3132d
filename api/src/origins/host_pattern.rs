//! A host of `ALLOWED_HOSTS`.

use std::net::Ipv6Addr;
use std::str::FromStr;

/// The syntax of a pattern.
const RULE: &str = "must be host names or addresses without a port, such as energy.example.com; \
                    *.example.com is every host below example.com, and * every host";

/// A host name or address, `*.name` for every name below one, or `*` for every host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern(String);

impl HostPattern {
    /// Whether the pattern has this host, which is given without a port.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self.0.strip_prefix('*') {
            Some(parent) => ends_with(host, parent),
            None => self.0.eq_ignore_ascii_case(host),
        }
    }
}

/// Whether a name ends with a suffix, in any case, and is longer.
pub(super) fn ends_with(name: &str, suffix: &str) -> bool {
    let at = name.len().checked_sub(suffix.len()).filter(|at| *at > 0);
    at.and_then(|at| name.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

impl FromStr for HostPattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let name = text.strip_prefix("*.").unwrap_or(text);
        let is_address = || name.len() == text.len() && text.contains(':') && is_ipv6(text);
        let is_name = !name.is_empty() && name.bytes().all(is_of_name) && !name.starts_with('.');
        if text == "*" || is_name || is_address() { Ok(Self(text.to_owned())) } else { Err(RULE) }
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
}

fn is_ipv6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_a_host_every_host_below_one_or_every_host() {
        for (pattern, host, matches) in [
            ("energy.example", "energy.example", true),
            ("energy.example", "Energy.Example", true),
            ("energy.example", "a.energy.example", false),
            ("*.example", "energy.example", true),
            ("*.example", "a.b.EXAMPLE", true),
            ("*.example", "example", false),
            ("*.example", ".example", false),
            ("*.example", "energyexample", false),
            ("*", "evil.example", true),
            ("2001:db8::7", "2001:db8::7", true),
        ] {
            let parsed: HostPattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(host), matches, "{pattern} {host}");
        }
    }

    #[test]
    fn a_url_a_port_and_a_star_elsewhere_are_rejected() {
        for text in ["", "*.", "a:80", "http://a", "a/b", "a.*", "**", "*a", ".a", "[::1]"] {
            assert_eq!(text.parse::<HostPattern>(), Err(RULE), "{text:?}");
        }
    }
}
