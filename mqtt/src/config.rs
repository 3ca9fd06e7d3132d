//! What a bridge needs to know.

use std::path::PathBuf;
use std::time::Duration;

use crate::address::BrokerAddress;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolVersion {
    /// MQTT 3.1.1: OASIS, 2014.
    V3_1_1,
    /// MQTT 5.0: OASIS, 2019.
    V5,
}

/// The broker, and how to connect to it.
#[derive(Debug, Clone)]
pub struct BridgeConfig {
    /// Where it is.
    pub address: BrokerAddress,
    /// The version to speak.
    pub version: ProtocolVersion,
    /// The name of the session, unique among the clients of the broker.
    pub client_id: String,
    /// Who connects.
    pub credentials: Credentials,
    /// Certificates, with `mqtts://`.
    pub tls: TlsFiles,
    /// The group of a shared subscription: each message is delivered to one of the bridges in it.
    pub shared_group: Option<String>,
    /// Topic filters in place of those of the mappings.
    pub topics: Vec<String>,
    /// Time without a packet after which the client asks whether the broker is there; whole seconds.
    pub keep_alive: Duration,
    /// How long the broker keeps the session while the client is away; whole seconds.
    pub session_expiry: Duration,
    /// The most messages that are received and not acknowledged.
    pub receive_maximum: u16,
    /// How long the keys of readings are kept at least.
    pub idempotency_ttl: Duration,
}

/// Who connects.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The name of the user; none is sent if empty.
    pub user: Option<String>,
    /// The password, in place of a file.
    pub password: Option<String>,
    /// A file with the password, which is read for each connection.
    pub password_file: Option<PathBuf>,
}

impl Credentials {
    /// The password, if there is one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn password(&self) -> std::io::Result<Option<String>> {
        let Some(file) = &self.password_file else { return Ok(self.password.clone()) };
        let text = std::fs::read_to_string(file)?;
        // An editor ends a line, a password does not.
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// PEM files of a TLS connection.
#[derive(Debug, Clone, Default)]
pub struct TlsFiles {
    /// Authorities of the broker's certificate; those of the system if unset.
    pub authorities: Option<PathBuf>,
    /// Certificate and private key of the client.
    pub client: Option<(PathBuf, PathBuf)>,
}
