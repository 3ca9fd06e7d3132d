//! The files of a server's TLS: their contents, and what is invalid in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{Error, InconsistentKeys, RootCertStore, ServerConfig};

use crate::reloaded::ReloadError;

/// The settings that name the files.
pub(super) const CERT_FILE: &str = "TLS_CERT_FILE";
const KEY_FILE: &str = "TLS_KEY_FILE";
const CLIENT_CA_FILE: &str = "TLS_CLIENT_CA_FILE";

/// HTTP/1.1 by ALPN (RFC 7301). HTTP/2 has no limits of ours.
const HTTP_1_1: &[u8] = b"http/1.1";

/// The files of a server, in PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, and those of its chain (`TLS_CERT_FILE`).
    pub certificates: PathBuf,
    /// The private key of the certificate (`TLS_KEY_FILE`).
    pub key: PathBuf,
    /// Authorities of client certificates (`TLS_CLIENT_CA_FILE`).
    pub client_authorities: Option<PathBuf>,
}

impl TlsFiles {
    /// Their paths, in the order of the contents that [`server_config`] takes.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let always = [&self.certificates, &self.key].into_iter();
        always.chain(&self.client_authorities).cloned().collect()
    }

    fn setting_of(&self, path: &Path) -> &'static str {
        if path == self.certificates {
            CERT_FILE
        } else if path == self.key {
            KEY_FILE
        } else {
            CLIENT_CA_FILE
        }
    }
}

/// A file of a setting cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{setting} {rule}")]
pub struct TlsFileError {
    /// The setting.
    pub setting: &'static str,
    /// What its file must be, and is not.
    pub rule: String,
}

impl TlsFileError {
    fn new(setting: &'static str, rule: impl Into<String>) -> Self {
        Self { setting, rule: rule.into() }
    }

    /// The error of the setting whose file it is.
    pub(super) fn of(error: ReloadError<Self>, files: &TlsFiles) -> Self {
        match error {
            ReloadError::Invalid(error) => error,
            ReloadError::Unreadable { ref path, .. } => {
                Self::new(files.setting_of(path), error.to_string())
            }
        }
    }
}

/// The configuration of the contents of the certificate's, the key's, and if there is one the authorities' file.
///
/// # Errors
/// Names the setting with invalid contents.
pub(super) fn server_config(contents: &[Vec<u8>]) -> Result<ServerConfig, TlsFileError> {
    let [certificates, key, rest @ ..] = contents else {
        return Err(TlsFileError::new(CERT_FILE, "and TLS_KEY_FILE must both be set"));
    };
    let authorities = rest.first();
    let provider = Arc::new(ring::default_provider());
    let verifier = match authorities {
        Some(authorities) => client_verifier(authorities, &provider)?,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let chain = certificates_of(CERT_FILE, certificates)?;
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| TlsFileError::new(CERT_FILE, error.to_string()))?;
    let config =
        builder.with_client_cert_verifier(verifier).with_single_cert(chain, private_key(key)?);
    let mut config = config.map_err(|error| unusable(&error))?;
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    if authorities.is_some() {
        // A resumed session has the certificate of the first, which may have expired since.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(config)
}

fn client_verifier(
    authorities: &[u8],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsFileError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates_of(CLIENT_CA_FILE, authorities)? {
        roots.add(certificate).map_err(|error| {
            let rule = format!("must be a PEM file of certificates of authorities: {error}");
            TlsFileError::new(CLIENT_CA_FILE, rule)
        })?;
    }
    // Without a certificate a client gets a response that says so, and probes need none.
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .allow_unauthenticated()
        .build()
        .map_err(|error| TlsFileError::new(CLIENT_CA_FILE, error.to_string()))
}

fn certificates_of(
    setting: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let invalid = |reason: &dyn ToString| {
        let reason = reason.to_string();
        let rule = "must be a PEM file of certificates (-----BEGIN CERTIFICATE-----)";
        TlsFileError::new(setting, format!("{rule}: {reason}"))
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| invalid(&error))?;
    if certificates.is_empty() { Err(invalid(&"it has none")) } else { Ok(certificates) }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsFileError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        // The error would quote the file.
        let reason = match error {
            pem::Error::NoItemsFound => "it has none",
            _ => "it is not PEM",
        };
        let rule =
            "must be a PEM file of a private key (PKCS#8, PKCS#1 or SEC1) that is not encrypted";
        TlsFileError::new(KEY_FILE, format!("{rule}: {reason}"))
    })
}

fn unusable(error: &Error) -> TlsFileError {
    match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsFileError::new(
            KEY_FILE,
            "must be the private key of the first certificate in TLS_CERT_FILE",
        ),
        Error::InvalidCertificate(_) => {
            TlsFileError::new(CERT_FILE, format!("must have a valid certificate: {error}"))
        }
        error => TlsFileError::new(
            KEY_FILE,
            format!("must be a private key of RSA, ECDSA or Ed25519: {error}"),
        ),
    }
}
