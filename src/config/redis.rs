//! Address and credentials of the Redis server, and the names of stream and group.

use std::path::{Path, PathBuf};

use clap::Args;
use readings::store::{Credentials, Keys, Password, RedisServer};

use super::SettingError;
use super::parsers::server_port;

#[derive(Debug, Clone, Args)]
pub struct RedisSettings {
    /// Redis server; if unset `localhost`, with `up` a private server, and with `dead-letters` and
    /// `reconcile` the private server of a running `up`, if there is one
    #[arg(long, env, value_name = "HOST")]
    redis_host: Option<String>,
    /// Port of the Redis server
    #[arg(long, env, value_name = "PORT", default_value = "6379", value_parser = server_port)]
    redis_port: u16,
    /// URL of the Redis server, instead of host and port: `redis://`, `rediss://` (TLS) or `redis+unix://`,
    /// with user, password and database; or `redis+sentinel://host[:port],…/master`. A password in the flag
    /// is visible in the list of processes
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
    /// Key of the stream
    #[arg(long, env, value_name = "KEY", default_value = "energy_readings")]
    redis_stream: String,
    /// Consumer group of the processing services
    #[arg(long, env, value_name = "NAME", default_value = "processing_group")]
    consumer_group: String,
}

impl RedisSettings {
    /// Whether a server is configured.
    pub const fn is_configured(&self) -> bool {
        self.redis_url.is_some() || self.redis_host.is_some()
    }

    /// The configured server, `localhost` by default.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn server(&self) -> Result<RedisServer, SettingError> {
        let server = if let Some(url) = &self.redis_url {
            let server = RedisServer::from_url(url);
            server.map_err(|error| SettingError::new("REDIS_URL", error))?
        } else {
            let host = self.redis_host.as_deref().unwrap_or("localhost");
            let server = RedisServer::from_host_port(host, self.redis_port);
            server.map_err(|error| SettingError::new("REDIS_HOST", error))?
        };
        let server = server.with_credentials(self.credentials()?);
        let rule = |error| format!("must contain certificates of authorities: {error}");
        server.map_err(|error| SettingError::new("REDIS_TLS_CA_FILE", rule(error)))
    }

    fn credentials(&self) -> Result<Credentials, SettingError> {
        let password = match (self.redis_password.clone(), &self.redis_password_file) {
            (None, None) => Password::FromUrl,
            (Some(password), None) => Password::Inline(password),
            (None, Some(file)) => Password::FromFile(readable("REDIS_PASSWORD_FILE", file)?),
            (Some(_), Some(_)) => {
                let rule = "and REDIS_PASSWORD_FILE must not both be set";
                return Err(SettingError::new("REDIS_PASSWORD", rule));
            }
        };
        let ca_file = self.redis_tls_ca_file.as_ref();
        let tls_ca_file = ca_file.map(|file| readable("REDIS_TLS_CA_FILE", file)).transpose()?;
        Ok(Credentials { password, tls_ca_file })
    }

    /// The keys in Redis, and the group.
    pub fn keys(&self) -> Keys {
        Keys::new(&self.redis_stream, &self.consumer_group)
    }
}

fn readable(variable: &'static str, file: &Path) -> Result<PathBuf, SettingError> {
    std::fs::File::open(file).map(|_| file.to_owned()).map_err(|error| {
        let rule = format!("must be a file that can be read: {}: {error}", file.display());
        SettingError::new(variable, rule)
    })
}
