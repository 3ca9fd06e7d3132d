//! Where Redis is, as whom to connect, and the names in it.

use std::path::{Path, PathBuf};

use clap::Args;
use readings::store::{Credentials, Keys, Password, RedisServer};

use super::SettingFault;
use super::parsers::server_port;

#[derive(Debug, Clone, Args)]
pub struct RedisSettings {
    /// Redis server; if unset `localhost`, with `up` a private one, and with `dead-letters` and `reconcile`
    /// that of a running `up`, if there is one
    #[arg(long, env, value_name = "HOST")]
    redis_host: Option<String>,
    /// Port of the Redis server
    #[arg(long, env, value_name = "PORT", default_value = "6379", value_parser = server_port)]
    redis_port: u16,
    /// Overrides host and port: `redis://`, `rediss://` (TLS) or `redis+unix://`, with user,
    /// password and database; or `redis+sentinel://host[:port],…/master`. A password in a flag shows in the
    /// list of processes
    #[arg(long, env, value_name = "URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Password of the Redis server, instead of the one in the URL. The flag shows it in the list of
    /// processes: `REDIS_PASSWORD_FILE` does not
    #[arg(long, env, value_name = "PASSWORD", hide_env_values = true)]
    redis_password: Option<String>,
    /// File with the password; read anew for each connection, so that it can be changed meanwhile
    #[arg(long, env, value_name = "FILE")]
    redis_password_file: Option<PathBuf>,
    /// PEM file of the authorities that may sign the server's TLS certificate; the system's if unset
    #[arg(long, env, value_name = "FILE")]
    redis_tls_ca_file: Option<PathBuf>,
    /// Stream that readings arrive in
    #[arg(long, env, value_name = "KEY", default_value = "energy_readings")]
    redis_stream: String,
    /// Consumer group of the processing services
    #[arg(long, env, value_name = "NAME", default_value = "processing_group")]
    consumer_group: String,
}

impl RedisSettings {
    /// Whether a server is named at all.
    pub const fn names_a_server(&self) -> bool {
        self.redis_url.is_some() || self.redis_host.is_some()
    }

    /// The server that is named, `localhost` by default.
    pub fn server(&self) -> Result<RedisServer, SettingFault> {
        let server = if let Some(url) = &self.redis_url {
            let named = RedisServer::from_url(url);
            named.map_err(|fault| SettingFault::new("REDIS_URL", fault))?
        } else {
            let host = self.redis_host.as_deref().unwrap_or("localhost");
            let named = RedisServer::from_host_port(host, self.redis_port);
            named.map_err(|fault| SettingFault::new("REDIS_HOST", fault))?
        };
        let server = server.with_credentials(self.secrets()?);
        let rule = |fault| format!("must have the certificates of authorities: {fault}");
        server.map_err(|fault| SettingFault::new("REDIS_TLS_CA_FILE", rule(fault)))
    }

    fn secrets(&self) -> Result<Credentials, SettingFault> {
        let password = match (self.redis_password.clone(), &self.redis_password_file) {
            (None, None) => Password::FromUrl,
            (Some(password), None) => Password::Inline(password),
            (None, Some(file)) => Password::FromFile(readable("REDIS_PASSWORD_FILE", file)?),
            (Some(_), Some(_)) => {
                let rule = "and REDIS_PASSWORD_FILE must not both be set";
                return Err(SettingFault::new("REDIS_PASSWORD", rule));
            }
        };
        let ca_file = self.redis_tls_ca_file.as_ref();
        let tls_ca_file = ca_file.map(|file| readable("REDIS_TLS_CA_FILE", file)).transpose()?;
        Ok(Credentials { password, tls_ca_file })
    }

    /// The names of stream and group.
    pub fn keys(&self) -> Keys {
        Keys::new(&self.redis_stream, &self.consumer_group)
    }
}

fn readable(variable: &'static str, file: &Path) -> Result<PathBuf, SettingFault> {
    std::fs::File::open(file).map(|_| file.to_owned()).map_err(|error| {
        let rule = format!("must be a file that can be read: {}: {error}", file.display());
        SettingFault::new(variable, rule)
    })
}
