//! The configuration of TLS: authorities of the broker, certificate of the client.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::error::SessionError;
use crate::config::TlsFiles;

/// Reads the files.
///
/// # Errors
/// Names the file that cannot be used.
pub fn client_config(files: &TlsFiles) -> Result<ClientConfig, SessionError> {
    let mut roots = RootCertStore::empty();
    match &files.authorities {
        Some(file) => {
            let (trusted, _) = roots.add_parsable_certificates(certificates(file)?);
            if trusted == 0 {
                return Err(unusable(file, "has no certificate of an authority in PEM format"));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    let Some((certificate, key)) = &files.client else { return Ok(config.with_no_client_auth()) };
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unusable(key, &format!("is no private key in PEM format: {error}")))?;
    config
        .with_client_auth_cert(chain, private)
        .map_err(|error| unusable(certificate, &format!("cannot be used: {error}")))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, SessionError> {
    let unreadable = |error| unusable(file, &format!("cannot be read: {error}"));
    let certificates = CertificateDer::pem_file_iter(file).map_err(unreadable)?;
    certificates.collect::<Result<_, _>>().map_err(unreadable)
}

fn unusable(file: &Path, reason: &str) -> SessionError {
    SessionError::File(format!("{} {reason}", file.display()))
}
