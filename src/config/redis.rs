//! Where Redis is, as whom to connect, and the names in it.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use readings::store::{Keys, Password, RedisServer, Secrets};

use super::values::{given, given_path, not_empty, port};

#[derive(Debug, Clone, Args)]
pub struct RedisSettings {
    /// Redis server; `localhost` if unset, with `up` a private server
    #[arg(long, env, value_name = "HOST")]
    redis_host: Option<String>,
    /// Port of the Redis server
    #[arg(long, env, value_name = "PORT", default_value = "6379", value_parser = port)]
    redis_port: u16,
    /// Overrides host and port: `redis://`, `rediss://` (TLS) or `redis+unix://`, with user,
    /// password and database; or `redis+sentinel://host[:port],…/master`
    #[arg(long, env, value_name = "URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Password of the Redis server, instead of the one in the URL
    #[arg(long, env, value_name = "PASSWORD", hide_env_values = true)]
    redis_password: Option<String>,
    /// File with the password; read anew for each connection, so that it can be changed meanwhile
    #[arg(long, env, value_name = "FILE")]
    redis_password_file: Option<PathBuf>,
    /// PEM file of the authorities that may sign the server's TLS certificate; the system's if unset
    #[arg(long, env, value_name = "FILE")]
    redis_tls_ca_file: Option<PathBuf>,
    /// Stream that readings arrive in
    #[arg(long, env, value_name = "KEY", default_value = "energy_readings", value_parser = not_empty)]
    redis_stream: String,
    /// Consumer group of the processing services
    #[arg(long, env, value_name = "NAME", default_value = "processing_group", value_parser = not_empty)]
    consumer_group: String,
}

impl RedisSettings {
    /// Whether a server is named at all. A variable that is set to nothing counts as unset, as
    /// Compose files and charts set them so.
    pub fn names_a_server(&self) -> bool {
        given(self.redis_url.as_ref()).or(given(self.redis_host.as_ref())).is_some()
    }

    /// The server that is named, `localhost` by default.
    pub fn server(&self) -> anyhow::Result<RedisServer> {
        let server = if let Some(url) = given(self.redis_url.as_ref()) {
            RedisServer::from_url(url).map_err(|fault| anyhow!("REDIS_URL {fault}"))?
        } else {
            let host = given(self.redis_host.as_ref()).unwrap_or("localhost");
            let server = RedisServer::at(host, self.redis_port);
            server.map_err(|fault| anyhow!("REDIS_HOST {fault}"))?
        };
        let server = server.with_secrets(self.secrets()?);
        server.map_err(|fault| anyhow!("REDIS_TLS_CA_FILE: {fault}"))
    }

    fn secrets(&self) -> anyhow::Result<Secrets> {
        let password = given(self.redis_password.as_ref()).map(str::to_owned);
        let password = match (password, given_path(self.redis_password_file.as_ref())) {
            (None, None) => Password::OfUrl,
            (Some(password), None) => Password::Given(password),
            (None, Some(file)) => Password::InFile(readable("REDIS_PASSWORD_FILE", file)?),
            (Some(_), Some(_)) => {
                anyhow::bail!("REDIS_PASSWORD and REDIS_PASSWORD_FILE must not both be set")
            }
        };
        let ca_file = given_path(self.redis_tls_ca_file.as_ref());
        let tls_ca_file = ca_file.map(|file| readable("REDIS_TLS_CA_FILE", file)).transpose()?;
        Ok(Secrets { password, tls_ca_file })
    }

    /// The names of stream and group.
    pub fn keys(&self) -> Keys {
        Keys::new(&self.redis_stream, &self.consumer_group)
    }
}

fn readable(variable: &str, file: &PathBuf) -> anyhow::Result<PathBuf> {
    let opened = std::fs::File::open(file);
    opened.with_context(|| {
        format!("{variable} must be a file that can be read: {}", file.display())
    })?;
    Ok(file.clone())
}
