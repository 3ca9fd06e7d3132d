//! Certificates for a service with HTTPS.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args;
use reqwest::{Certificate, ClientBuilder, Identity};

/// The files of certificates, in PEM.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_field_names, reason = "the flags are named after them")]
pub struct TlsFiles {
    /// PEM file of the certificate authorities for the service's certificate; if unset those of the system
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// PEM file of a client certificate, followed by those of its chain; needs `--key-file`
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub cert_file: Option<PathBuf>,
    /// PEM file of the private key of `--cert-file`, not encrypted
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub key_file: Option<PathBuf>,
}

impl TlsFiles {
    /// Adds the certificates to a client.
    ///
    /// # Errors
    /// When a file cannot be read, or is not PEM of what it must be.
    pub fn apply(&self, mut client: ClientBuilder) -> anyhow::Result<ClientBuilder> {
        if let Some(file) = &self.ca_file {
            let rule = || format!("{} must have certificates of authorities", file.display());
            let authorities = Certificate::from_pem_bundle(&read(file)?).with_context(rule)?;
            ensure!(!authorities.is_empty(), rule());
            client = client.tls_certs_only(authorities);
        }
        if let (Some(certificate), Some(key)) = (&self.cert_file, &self.key_file) {
            let pem = [read(key)?, read(certificate)?].join(&b'\n');
            let identity = Identity::from_pem(&pem).with_context(|| {
                let (certificate, key) = (certificate.display(), key.display());
                format!("{certificate} must have a certificate, and {key} its private key")
            })?;
            client = client.identity(identity);
        }
        Ok(client)
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}
