//! How a server speaks TLS.

use std::sync::Arc;

use rustls::ServerConfig;

use super::files::{self, TlsFileError, TlsFiles};
use crate::reloaded::{Reloaded, SettingFiles};

/// The certificate of a server, and what it requires of clients. Clones share the files that were last read.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Reloaded<ServerConfig>,
    requires_certificate: bool,
}

impl Tls {
    /// Reads the files, and reads them again when they change, until the last clone is dropped. Connections that are
    /// open keep the certificate that they began with. With `requires_certificate`, requests without a client
    /// certificate are rejected, except for probes, if there are authorities of such certificates.
    ///
    /// # Errors
    /// Names the setting whose file cannot be used.
    pub fn load(files: &TlsFiles, requires_certificate: bool) -> Result<Self, TlsFileError> {
        let watched = SettingFiles { setting: files::CERT_FILE, paths: files.paths() };
        let config = Reloaded::load(watched, files::server_config);
        let config = config.map_err(|error| TlsFileError::of(error, files))?;
        let requires_certificate = requires_certificate && files.client_authorities.is_some();
        Ok(Self { config, requires_certificate })
    }

    /// The configuration of a new connection.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.current())
    }

    /// Whether requests other than probes need a client certificate.
    pub(super) const fn requires_certificate(&self) -> bool {
        self.requires_certificate
    }
}
