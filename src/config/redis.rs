//! Address and credentials of the Redis server, and the names of stream and group.

use std::path::PathBuf;

use clap::Args;
use readings::store::{
    ClientCertificateFiles, Credentials, Keys, PartitionCount, RedisServer, TlsFiles, TlsFilesError,
};

use super::SettingError;
use super::parsers::{partitions, server_port};
use super::password::{password, readable};
use super::replicas::ReplicaSettings;
use super::sentinel::SentinelSettings;

#[derive(Debug, Clone, Args)]
pub struct RedisSettings {
    /// Redis server; if unset `localhost`, with `up` a private server, and with commands such as `reconcile` and
    /// `pack` the private server of a running `up`, if there is one
    #[arg(long, env, value_name = "HOST")]
    redis_host: Option<String>,
    /// Port of the Redis server
    #[arg(long, env, value_name = "PORT", default_value = "6379", value_parser = server_port)]
    redis_port: u16,
    /// URL of the Redis server, instead of host and port: `redis://`, `rediss://` (TLS) or `redis+unix://`,
    /// with user, password and database; `redis+sentinel://host[:port],…/master`; or `redis+cluster://host[:port],…` with
    /// some nodes of a Redis Cluster. `rediss+sentinel://` and `rediss+cluster://` where all of these servers use TLS. A
    /// password in the flag is visible in the list of processes
    #[arg(long, env, value_name = "URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Password of the Redis server, instead of the one in the URL. In the flag it is visible in the list of
    /// processes; use `REDIS_PASSWORD_FILE`
    #[arg(long, env, value_name = "PASSWORD", hide_env_values = true)]
    redis_password: Option<String>,
    /// File with the password, read again for each connection, so that the password can be rotated
    #[arg(long, env, value_name = "FILE")]
    redis_password_file: Option<PathBuf>,
    /// PEM file of the certificate authorities for the server's TLS certificate; those of the system if unset
    #[arg(long, env, value_name = "FILE")]
    redis_tls_ca_file: Option<PathBuf>,
    /// PEM file of the client certificate for a server that requires one (mutual TLS), followed by those of
    /// intermediate authorities; needs `REDIS_TLS_KEY_FILE`. Both are read again for each connection, so that they can be
    /// renewed
    #[arg(long, env, value_name = "FILE")]
    redis_tls_cert_file: Option<PathBuf>,
    /// PEM file of the private key of `REDIS_TLS_CERT_FILE`, without a passphrase
    #[arg(long, env, value_name = "FILE")]
    redis_tls_key_file: Option<PathBuf>,
    #[command(flatten)]
    sentinel: SentinelSettings,
    #[command(flatten)]
    replicas: ReplicaSettings,
    /// Key of the stream
    #[arg(long, env, value_name = "KEY", default_value = "energy_readings")]
    redis_stream: String,
    /// Number of partitions of the stream, each of which is a stream of its own; the same for all services. Lower: fewer
    /// connections. Higher: a Redis Cluster spreads the readings over more masters. It can be changed while services run
    #[arg(long, env, value_name = "COUNT", default_value = "1", value_parser = partitions)]
    stream_partitions: PartitionCount,
    /// Consumer group of the processing services
    #[arg(long, env, value_name = "NAME", default_value = "processing_group")]
    consumer_group: String,
}

impl RedisSettings {
    /// Whether a server is configured.
    pub const fn is_configured(&self) -> bool {
        self.redis_url.is_some() || self.redis_host.is_some()
    }

    /// The configured server; `None` where none is, and nothing is set that a private server has not.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn configured_server(&self) -> Result<Option<RedisServer>, SettingError> {
        if self.is_configured() {
            return self.server().map(Some);
        }
        match self.replicas.needed_by() {
            Some(variable) => Err(SettingError::new(
                variable,
                "needs REDIS_URL or REDIS_HOST: the private server of this process has no replicas",
            )),
            None => Ok(None),
        }
    }

    /// The configured server, `localhost` by default.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn server(&self) -> Result<RedisServer, SettingError> {
        self.check_partitions()?;
        let server = if let Some(url) = &self.redis_url {
            let server = RedisServer::from_url(url);
            server.map_err(|error| SettingError::new("REDIS_URL", error))?
        } else {
            let host = self.redis_host.as_deref().unwrap_or("localhost");
            let server = RedisServer::from_host_port(host, self.redis_port);
            server.map_err(|error| SettingError::new("REDIS_HOST", error))?
        };
        if !server.has_sentinels() {
            self.sentinel.check_unused()?;
        }
        let server = server.with_credentials(self.credentials()?);
        let server = server.map_err(|error| self.unusable(&error))?;
        self.replicas.check(&server)?;
        Ok(match self.replicas.wait(&self.keys()) {
            Some(wait) => server.waiting_for(wait),
            None => server,
        })
    }

    fn unusable(&self, error: &TlsFilesError) -> SettingError {
        const AUTHORITIES: &str = "REDIS_TLS_CA_FILE";
        const CLIENT: &str = "REDIS_TLS_CERT_FILE";
        match error {
            TlsFilesError::Authorities(error) => {
                let rule = format!("must contain certificates of authorities: {error}");
                SettingError::new(AUTHORITIES, rule)
            }
            TlsFilesError::Client(error) => {
                let rule = format!("must contain the certificate of REDIS_TLS_KEY_FILE: {error}");
                SettingError::new(CLIENT, rule)
            }
            TlsFilesError::Unused => {
                let is_authorities = self.redis_tls_ca_file.is_some();
                let variable = if is_authorities { AUTHORITIES } else { CLIENT };
                SettingError::new(
                    variable,
                    "needs a REDIS_URL that begins with rediss://, rediss+sentinel:// or rediss+cluster:// (TLS)",
                )
            }
        }
    }

    fn credentials(&self) -> Result<Credentials, SettingError> {
        let variables = ["REDIS_PASSWORD", "REDIS_PASSWORD_FILE"];
        let file = self.redis_password_file.as_deref();
        let password = password(variables, self.redis_password.as_ref(), file)?;
        Ok(Credentials { password, sentinel: self.sentinel.login()?, tls: self.tls_files()? })
    }

    fn tls_files(&self) -> Result<TlsFiles, SettingError> {
        let authorities = self.redis_tls_ca_file.as_ref();
        let authorities =
            authorities.map(|file| readable("REDIS_TLS_CA_FILE", file)).transpose()?;
        let client = match (&self.redis_tls_cert_file, &self.redis_tls_key_file) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(ClientCertificateFiles {
                certificate: readable("REDIS_TLS_CERT_FILE", certificate)?,
                key: readable("REDIS_TLS_KEY_FILE", key)?,
            }),
            (certificate, _) => {
                let is_key_missing = certificate.is_some();
                let names = ["REDIS_TLS_CERT_FILE", "REDIS_TLS_KEY_FILE"];
                let [set, unset] = if is_key_missing { names } else { [names[1], names[0]] };
                return Err(SettingError::new(set, format!("needs {unset}: set both or neither")));
            }
        };
        Ok(TlsFiles { authorities, client })
    }

    /// Whether queries of stored readings read from a replica.
    pub fn reads_from_replica(&self) -> bool {
        self.replicas.are_read()
    }

    /// The number of partitions.
    pub const fn partitions(&self) -> PartitionCount {
        self.stream_partitions
    }

    /// A hash tag in the name would put all partitions in one slot.
    fn check_partitions(&self) -> Result<(), SettingError> {
        if self.stream_partitions > PartitionCount::ONE && self.redis_stream.contains('{') {
            let rule = "must be 1 where REDIS_STREAM has a hash tag ({…}), which puts all partitions in one slot";
            return Err(SettingError::new("STREAM_PARTITIONS", rule));
        }
        Ok(())
    }

    /// The keys in Redis, and the group.
    pub fn keys(&self) -> Keys {
        let keys = Keys::new(&self.redis_stream, &self.consumer_group);
        if self.is_cluster() { keys.in_one_slot() } else { keys }
    }

    fn is_cluster(&self) -> bool {
        let server = self.redis_url.as_deref().map(RedisServer::from_url);
        server.is_some_and(|server| server.is_ok_and(|server| server.is_cluster()))
    }
}
