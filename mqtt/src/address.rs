//! The address of a broker.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Url;

/// Ports that IANA has registered for MQTT, without and with TLS.
const PORTS: [u16; 2] = [1883, 8883];

/// An `mqtt://` or `mqtts://` URL.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    host: String,
    port: u16,
    is_tls: bool,
    user: Option<String>,
    password: Option<String>,
}

/// Why a text is not the URL of a broker. It does not show the text, which may have a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Another scheme, or no URL.
    #[error("must be a URL such as mqtt://host:1883 or mqtts://user@host:8883")]
    NoBroker,
    /// There is more than a host and a port.
    #[error(
        "must have no path, query or fragment: topics are in MQTT_TOPICS, MQTT_MAP or MQTT_PROFILES"
    )]
    HasPath,
}

impl BrokerAddress {
    /// The host, without the brackets of an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether connections use TLS.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The user of the URL, if it has one.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password of the URL, if it has one.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }
}

impl FromStr for BrokerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| AddressError::NoBroker)?;
        let is_tls = match url.scheme() {
            "mqtt" => false,
            "mqtts" => true,
            _ => return Err(AddressError::NoBroker),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(AddressError::NoBroker)?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::HasPath);
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Ok(Self {
            host: decoded(host),
            port: url.port().unwrap_or(PORTS[usize::from(is_tls)]),
            is_tls,
            user: Some(url.username()).filter(|user| !user.is_empty()).map(decoded),
            password: url.password().map(decoded),
        })
    }
}

/// Without user and password.
impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// Without user and password.
impl fmt::Debug for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_a_port_and_credentials() {
        for (text, shown, user, password) in [
            ("mqtt://broker", "mqtt://broker:1883", None, None),
            ("mqtts://broker", "mqtts://broker:8883", None, None),
            ("mqtt://127.0.0.1:1884/", "mqtt://127.0.0.1:1884", None, None),
            ("mqtt://[::1]:1884", "mqtt://[::1]:1884", None, None),
            ("mqtts://me:p%40ss@b:1", "mqtts://b:1", Some("me"), Some("p@ss")),
        ] {
            let address: BrokerAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!((address.user(), address.password()), (user, password), "{text}");
        }
        assert_eq!("mqtt://[::1]:1".parse::<BrokerAddress>().unwrap().host(), "::1");
    }

    #[test]
    fn another_text_is_rejected_without_being_shown() {
        for text in ["", "broker", "broker:1883", "http://broker", "mqtt://", "mqtt://:secret@"] {
            assert_eq!(text.parse::<BrokerAddress>(), Err(AddressError::NoBroker), "{text}");
        }
        for text in ["mqtt://b/topic", "mqtt://b?x=1", "mqtt://b#c"] {
            assert_eq!(text.parse::<BrokerAddress>(), Err(AddressError::HasPath), "{text}");
        }
    }
}
