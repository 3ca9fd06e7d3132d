//! Address and credentials of the Redis server, and the names of stream and group.

use std::path::{Path, PathBuf};

use clap::Args;
use readings::store::{
    ClientCertificateFiles, Credentials, Keys, Password, RedisServer, TlsFiles, TlsFilesError,
};

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
    /// with user, password and database; or `redis+sentinel://host[:port],…/master`, and `rediss+sentinel://` where
    /// Sentinels and master use TLS. A password in the flag is visible in the list of processes
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
        server.with_credentials(self.credentials()?).map_err(|error| self.unusable(&error))
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
                    "needs a REDIS_URL that begins with rediss:// or rediss+sentinel:// (TLS)",
                )
            }
        }
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
        Ok(Credentials { password, tls: self.tls_files()? })
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
