//! The certificate with which the servers of a role serve HTTPS.

use std::path::PathBuf;

use api::server::{Tls, TlsFiles};
use clap::Args;
use poem::http::uri::Scheme;

use super::SettingError;

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "the flags are named after them")]
pub struct TlsSettings {
    /// PEM file of a certificate, followed by those of its chain: all ports then serve HTTPS (TLS 1.2 and 1.3) in place
    /// of HTTP. A file that changes is read again, within seconds; an invalid one is logged, and not used. If unset,
    /// HTTP is not encrypted
    #[arg(long, env, value_name = "FILE")]
    tls_cert_file: Option<PathBuf>,
    /// PEM file of the private key of `TLS_CERT_FILE` (PKCS#8, PKCS#1 or SEC1, not encrypted). One of ECDSA costs a
    /// tenth of the CPU time of RSA for each connection
    #[arg(long, env, value_name = "FILE")]
    tls_key_file: Option<PathBuf>,
    /// PEM file of the authorities of client certificates; needs `TLS_CERT_FILE`. All requests but probes then need
    /// such a certificate; with `API_KEYS_FILE` it is an alternative to the secret of a key with its
    /// `certificate_name`. If unset, clients are not asked for one
    #[arg(long, env, value_name = "FILE")]
    tls_client_ca_file: Option<PathBuf>,
}

impl TlsSettings {
    /// The scheme of the URLs of the servers.
    pub fn scheme(&self) -> Scheme {
        if self.tls_cert_file.is_some() { Scheme::HTTPS } else { Scheme::HTTP }
    }

    /// Reads the files, if there are any, and reads them again when they change. `requires_certificate`: whether
    /// requests are rejected without a client certificate, if there are authorities of such certificates.
    ///
    /// # Errors
    /// When a setting needs another one, or names a file that cannot be used.
    pub fn load(&self, requires_certificate: bool) -> Result<Option<Tls>, SettingError> {
        let Some(files) = self.files()? else { return Ok(None) };
        let tls = Tls::load(&files, requires_certificate);
        tls.map(Some).map_err(|error| SettingError::new(error.setting, error.rule))
    }

    fn files(&self) -> Result<Option<TlsFiles>, SettingError> {
        let needs =
            |setting, other: &str| Err(SettingError::new(setting, format!("needs {other}")));
        match (self.tls_cert_file.clone(), self.tls_key_file.clone()) {
            (Some(certificates), Some(key)) => {
                let client_authorities = self.tls_client_ca_file.clone();
                Ok(Some(TlsFiles { certificates, key, client_authorities }))
            }
            (Some(_), None) => needs("TLS_CERT_FILE", "TLS_KEY_FILE"),
            (None, Some(_)) => needs("TLS_KEY_FILE", "TLS_CERT_FILE"),
            (None, None) if self.tls_client_ca_file.is_some() => {
                needs("TLS_CLIENT_CA_FILE", "TLS_CERT_FILE and TLS_KEY_FILE")
            }
            (None, None) => Ok(None),
        }
    }
}
