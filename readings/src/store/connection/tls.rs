//! Certificates of TLS connections, and the files that they are read from.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use redis::{ClientTlsConfig, TlsCertificates};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// PEM files, read for each connection, so that certificates can be renewed while the process runs.
#[derive(Debug, Clone, Default)]
pub struct TlsFiles {
    /// The CA certificates to trust; without it the system's are.
    pub authorities: Option<PathBuf>,
    /// What the server is shown; nothing without it.
    pub client: Option<ClientCertificateFiles>,
}

/// The certificate by which a server identifies its client (mutual TLS), and its key.
#[derive(Debug, Clone)]
pub struct ClientCertificateFiles {
    /// The certificate, followed by those of the authorities between it and the one that the server trusts.
    pub certificate: PathBuf,
    /// Its private key (PKCS #8, PKCS #1 or SEC 1), without a passphrase.
    pub key: PathBuf,
}

/// Files that cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TlsFilesError {
    /// The file of authorities cannot be read, or has no certificate.
    #[error("{0}")]
    Authorities(String),
    /// The client's certificate or key cannot be read, or they do not belong together.
    #[error("{0}")]
    Client(String),
    /// The address is not one of TLS: the files would not be used.
    #[error("the address of the server is not one of TLS")]
    Unused,
}

type Read<T> = Result<T, TlsFilesError>;

impl TlsFiles {
    /// Whether no file is set.
    pub(super) const fn is_empty(&self) -> bool {
        self.authorities.is_none() && self.client.is_none()
    }

    /// Reads and checks the files.
    pub(super) fn read(&self) -> Read<TlsCertificates> {
        let root_cert = self.authorities.as_deref().map(read_authorities).transpose()?;
        let client_tls = self.client.as_ref().map(ClientCertificateFiles::read).transpose()?;
        Ok(TlsCertificates { client_tls, root_cert })
    }
}

impl ClientCertificateFiles {
    fn read(&self) -> Read<ClientTlsConfig> {
        let failed = |error: String| {
            let (certificate, key) = (self.certificate.display(), self.key.display());
            TlsFilesError::Client(format!("{certificate} and {key}: {error}"))
        };
        let client_cert = read(&self.certificate).map_err(TlsFilesError::Client)?;
        let client_key = read(&self.key).map_err(TlsFilesError::Client)?;
        let client = ClientTlsConfig { client_cert, client_key };
        with_client(RootCertStore::empty(), Some(&client)).map_err(failed)?;
        Ok(client)
    }
}

fn read_authorities(path: &Path) -> Read<Vec<u8>> {
    let pem = read(path).map_err(TlsFilesError::Authorities)?;
    let path = path.display();
    let missing = || {
        TlsFilesError::Authorities(format!(
            "{path} has no certificate of an authority in PEM format (-----BEGIN CERTIFICATE-----)"
        ))
    };
    authorities(&pem).ok_or_else(missing)?;
    Ok(pem)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The certificates of a PEM text; `None` when it has no usable one.
fn authorities(pem: &[u8]) -> Option<RootCertStore> {
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    let mut roots = RootCertStore::empty();
    let (trusted, _) = roots.add_parsable_certificates(certificates);
    (trusted > 0).then_some(roots)
}

/// The configuration of connections that the client library does not open itself.
pub(super) fn client_config(certificates: &TlsCertificates) -> io::Result<ClientConfig> {
    let roots = match &certificates.root_cert {
        Some(pem) => authorities(pem).ok_or_else(|| io::Error::other("no authority is trusted"))?,
        None => system_authorities(),
    };
    with_client(roots, certificates.client_tls.as_ref()).map_err(io::Error::other)
}

/// rustls checks that a certificate and its key belong together.
fn with_client(
    roots: RootCertStore,
    client: Option<&ClientTlsConfig>,
) -> Result<ClientConfig, String> {
    let config = ClientConfig::builder().with_root_certificates(roots);
    let Some(ClientTlsConfig { client_cert, client_key }) = client else {
        return Ok(config.with_no_client_auth());
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(client_cert).collect();
    let chain = chain.map_err(|error| format!("the certificate is not in PEM format: {error}"))?;
    let key = PrivateKeyDer::from_pem_slice(client_key);
    let key = key.map_err(|error| format!("the key is not in PEM format: {error}"))?;
    config.with_client_auth_cert(chain, key).map_err(|error| error.to_string())
}

fn system_authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of the tests.
    fn certificate(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/certificates").join(name)
    }

    fn error(files: &TlsFiles) -> String {
        let _ = rustls::crypto::ring::default_provider().install_default();
        files.read().unwrap_err().to_string()
    }

    fn client(certificate: PathBuf, key: PathBuf) -> TlsFiles {
        let client = Some(ClientCertificateFiles { certificate, key });
        TlsFiles { client, ..TlsFiles::default() }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let missing = || PathBuf::from("/no/such/file");
        let authorities = TlsFiles { authorities: Some(missing()), ..TlsFiles::default() };
        for files in [
            authorities,
            client(missing(), certificate("client.key.pem")),
            client(certificate("client.pem"), missing()),
        ] {
            assert!(error(&files).contains("/no/such/file"), "{}", error(&files));
        }
    }

    #[test]
    fn a_file_of_authorities_without_a_certificate_is_rejected_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", "no PEM at all", key, garbage] {
            fs::write(&file, text).unwrap();
            let files = TlsFiles { authorities: Some(file.clone()), ..TlsFiles::default() };
            assert!(error(&files).contains("ca.pem has no certificate"), "{text:?}");
        }
    }

    #[test]
    fn a_client_certificate_needs_its_own_key() {
        let [own, other] =
            ["client", "localhost"].map(|name| certificate(&format!("{name}.key.pem")));
        let _ = rustls::crypto::ring::default_provider().install_default();
        assert!(client(certificate("client.pem"), own.clone()).read().is_ok());
        for (files, expected) in [
            (client(certificate("client.pem"), other), "localhost.key.pem"),
            (client(own.clone(), own.clone()), "certificate"),
            (client(certificate("client.pem"), certificate("client.pem")), "the key is not in PEM"),
        ] {
            assert!(error(&files).contains(expected), "{}", error(&files));
        }
    }
}
