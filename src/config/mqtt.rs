//! The MQTT broker that readings come from.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use mqtt::mapping::profile_names;
use mqtt::{BridgeConfig, BrokerAddress, Credentials, Mappings, ProtocolVersion, TlsFiles};

use super::list::List;
use super::parsers::{count, duration};
use super::{Instance, SettingError};

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "the flags are named after them")]
pub struct MqttSettings {
    /// MQTT broker to subscribe to: `mqtt://host:1883` or `mqtts://host:8883` (TLS), with a user if it needs one. With
    /// `up` unset: none. A password in the flag is visible in the list of processes
    #[arg(long, env, value_name = "URL", hide_env_values = true)]
    mqtt_url: Option<String>,
    /// File with the password of the user in `MQTT_URL`, read again for each connection
    #[arg(long, env, value_name = "FILE")]
    mqtt_password_file: Option<PathBuf>,
    /// PEM file of the certificate authorities for the broker's certificate; those of the system if unset. It and the
    /// next two are read again for each connection
    #[arg(long, env, value_name = "FILE")]
    mqtt_tls_ca_file: Option<PathBuf>,
    /// PEM file of the client certificate for a broker that requires one; needs `MQTT_TLS_KEY_FILE`
    #[arg(long, env, value_name = "FILE")]
    mqtt_tls_cert_file: Option<PathBuf>,
    /// PEM file of the private key of `MQTT_TLS_CERT_FILE`, without a passphrase
    #[arg(long, env, value_name = "FILE")]
    mqtt_tls_key_file: Option<PathBuf>,
    /// Version of the protocol: `5`, or `3.1.1` for older brokers
    #[arg(long, env, value_name = "VERSION", default_value = "5", value_parser = version)]
    mqtt_version: ProtocolVersion,
    /// Client id, unique among the clients of the broker: the name of the session, in which the broker keeps messages
    /// while the bridge is away. It must stay the same over restarts. `energy-pipeline-` and the consumer or host name if
    /// unset
    #[arg(long, env, value_name = "ID")]
    mqtt_client_id: Option<String>,
    /// Group of a shared subscription: each message goes to one of the bridges with this group, each of which needs a
    /// client id of its own. If unset the bridge receives all messages
    #[arg(long, env, value_name = "NAME", value_parser = group)]
    mqtt_shared_group: Option<String>,
    /// Built-in profiles of devices, with commas between them; all if unset, and `none` for none. `docs/mqtt.md` lists
    /// them
    #[arg(long, env, value_name = "NAMES")]
    mqtt_profiles: Option<List<String>>,
    /// TOML file of further mappings of topics to readings, which come before those of the profiles
    #[arg(long, env, value_name = "FILE")]
    mqtt_map: Option<PathBuf>,
    /// Topic filters to subscribe to, with commas between them, such as `#` to find out which topics there are; those
    /// of the mappings if unset. A topic without a mapping is counted and logged, its messages are not stored
    #[arg(long, env, value_name = "FILTERS")]
    mqtt_topics: Option<List<String>>,
    /// Site of readings whose mapping has none
    #[arg(long, env, value_name = "SITE", default_value = "home")]
    mqtt_site: String,
    /// Time without a packet after which the broker is asked whether it is there, as `30s`. Lower: more packets. Higher:
    /// a lost connection is noticed later
    #[arg(long, env, value_name = "TIME", default_value = "30s", value_parser = duration)]
    mqtt_keep_alive: Duration,
    /// How long the broker keeps the session while the bridge is away (MQTT 5), as `7d`. Lower: messages of a longer
    /// outage are lost. Higher: a bridge that never returns fills the broker's queue for longer
    #[arg(long, env, value_name = "TIME", default_value = "7d", value_parser = duration)]
    mqtt_session_expiry: Duration,
    /// Maximum number of messages that are received and not acknowledged; the broker may have a lower limit. Lower: less
    /// throughput. Higher: more messages are delivered again after a crash
    #[arg(long, env, value_name = "MESSAGES", default_value = "2000", value_parser = count::<1, 65_535>)]
    mqtt_receive_maximum: std::num::NonZeroUsize,
}

impl MqttSettings {
    /// Whether a broker is configured.
    pub const fn is_configured(&self) -> bool {
        self.mqtt_url.is_some()
    }

    /// How to connect.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn config(
        &self,
        instance: &Instance,
        idempotency_ttl: Duration,
    ) -> Result<BridgeConfig, SettingError> {
        let Some(url) = &self.mqtt_url else {
            return Err(SettingError::new("MQTT_URL", "must be set"));
        };
        let address: BrokerAddress =
            url.parse().map_err(|error| SettingError::new("MQTT_URL", error))?;
        let config = BridgeConfig {
            credentials: self.credentials(&address)?,
            tls: self.tls_files(&address)?,
            address,
            version: self.mqtt_version,
            client_id: self.client_id(instance),
            shared_group: self.mqtt_shared_group.clone(),
            topics: List::items(self.mqtt_topics.as_ref()),
            keep_alive: whole_seconds("MQTT_KEEP_ALIVE", self.mqtt_keep_alive, 5, 65_535)?,
            session_expiry: whole_seconds(
                "MQTT_SESSION_EXPIRY",
                self.mqtt_session_expiry,
                60,
                u32::MAX.into(),
            )?,
            receive_maximum: u16::try_from(self.mqtt_receive_maximum.get()).unwrap_or(u16::MAX),
            idempotency_ttl,
        };
        mqtt::session::tls::client_config(&config.tls)
            .map_err(|error| SettingError::new(self.tls_variable(), error))?;
        Ok(config)
    }

    fn client_id(&self, instance: &Instance) -> String {
        let default = || format!("energy-pipeline-{}", instance.name());
        self.mqtt_client_id.clone().unwrap_or_else(default)
    }

    /// The mappings of the file and the profiles.
    ///
    /// # Errors
    /// Names the setting, the file or profile and what is wrong with it.
    pub fn mappings(&self) -> Result<Mappings, SettingError> {
        let mut mappings = Mappings::of_site(&self.mqtt_site);
        if let Some(file) = &self.mqtt_map {
            let added = mappings.add_file(file);
            added.map_err(|error| {
                SettingError::new("MQTT_MAP", format!("cannot be used: {error}"))
            })?;
        }
        let named = List::items(self.mqtt_profiles.as_ref());
        let profiles = if named.is_empty() { profile_names() } else { named };
        for name in profiles.iter().filter(|name| *name != "none") {
            let added = mappings.add_profile(name);
            added.map_err(|error| {
                SettingError::new("MQTT_PROFILES", format!("cannot be used: {error}"))
            })?;
        }
        if mappings.filters().is_empty() && self.mqtt_topics.is_none() {
            return Err(SettingError::new(
                "MQTT_PROFILES",
                "has no profile: then MQTT_MAP must have a mapping",
            ));
        }
        Ok(mappings)
    }

    fn credentials(&self, address: &BrokerAddress) -> Result<Credentials, SettingError> {
        let password = address.password().map(str::to_owned);
        if self.mqtt_password_file.is_some() && password.is_some() {
            let rule = "and a password in MQTT_URL must not both be set";
            return Err(SettingError::new("MQTT_PASSWORD_FILE", rule));
        }
        let credentials = Credentials {
            user: address.user().map(str::to_owned),
            password,
            password_file: self.mqtt_password_file.clone(),
        };
        credentials.password().map_err(|error| {
            let rule = format!("must be a file that can be read: {error}");
            SettingError::new("MQTT_PASSWORD_FILE", rule)
        })?;
        Ok(credentials)
    }

    fn tls_files(&self, address: &BrokerAddress) -> Result<TlsFiles, SettingError> {
        let client = match (&self.mqtt_tls_cert_file, &self.mqtt_tls_key_file) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            (Some(_), None) => {
                return Err(SettingError::new("MQTT_TLS_CERT_FILE", "needs MQTT_TLS_KEY_FILE"));
            }
            (None, Some(_)) => {
                return Err(SettingError::new("MQTT_TLS_KEY_FILE", "needs MQTT_TLS_CERT_FILE"));
            }
        };
        let files = TlsFiles { authorities: self.mqtt_tls_ca_file.clone(), client };
        if !address.is_tls() && (files.authorities.is_some() || files.client.is_some()) {
            let rule = "needs an MQTT_URL that begins with mqtts:// (TLS)";
            return Err(SettingError::new(self.tls_variable(), rule));
        }
        Ok(files)
    }

    /// The variable that is at fault when a TLS file cannot be used.
    const fn tls_variable(&self) -> &'static str {
        if self.mqtt_tls_ca_file.is_some() { "MQTT_TLS_CA_FILE" } else { "MQTT_TLS_CERT_FILE" }
    }
}

fn version(text: &str) -> Result<ProtocolVersion, &'static str> {
    match text {
        "5" | "5.0" => Ok(ProtocolVersion::V5),
        "3.1.1" => Ok(ProtocolVersion::V3_1_1),
        _ => Err("must be 5 or 3.1.1"),
    }
}

/// A share name (MQTT 5.0, 4.8.2).
fn group(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.contains(['/', '+', '#']) {
        return Err("must be a name without '/', '+' and '#'");
    }
    Ok(text.to_owned())
}

fn whole_seconds(
    variable: &'static str,
    time: Duration,
    least: u64,
    most: u64,
) -> Result<Duration, SettingError> {
    if (least..=most).contains(&time.as_secs()) && time.subsec_nanos() == 0 {
        return Ok(time);
    }
    Err(SettingError::new(variable, format!("must be whole seconds from {least}s to {most}s")))
}
