//! Certificate authorities, the files of a service with HTTPS, and its clients.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
};
use reqwest::{Client, ClientBuilder};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::http::{self, Http};
use super::product::Launch;

/// A certificate authority.
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its private key, in PEM.
#[derive(Debug, Clone)]
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// The identity of a service on this machine.
    pub fn service(&self) -> Identity {
        self.sign(
            &CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap(),
        )
    }

    /// The identity of a client with this DNS name.
    pub fn client(&self, name: &str) -> Identity {
        self.sign(&CertificateParams::new([name.to_owned()]).unwrap())
    }

    /// The same, but its certificate has expired.
    pub fn expired_client(&self, name: &str) -> Identity {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.not_before, params.not_after) =
            (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// A builder of clients that trust this authority alone.
    pub fn trusting(&self) -> ClientBuilder {
        let root = reqwest::Certificate::from_pem(self.pem().as_bytes()).unwrap();
        http::builder().tls_certs_only([root])
    }

    /// A client that trusts this authority, without a certificate of its own.
    pub fn http_client(&self) -> Client {
        self.trusting().build().unwrap()
    }

    /// A client that trusts this authority, and has this identity.
    pub fn http_client_as(&self, Identity { certificate, key }: &Identity) -> Client {
        let identity = reqwest::Identity::from_pem(format!("{certificate}{key}").as_bytes());
        self.trusting().identity(identity.unwrap()).build().unwrap()
    }

    /// A connection for bytes that no client library would send, after its handshake.
    pub async fn connect(&self, service: &Http) -> TlsStream<TcpStream> {
        connect(&self.connector(None), service).await
    }

    /// Connects clients that trust this authority, and have this identity; it resumes their sessions.
    pub fn connector(&self, identity: Option<&Identity>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem().as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder().with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        TlsConnector::from(Arc::new(config))
    }
}

/// A connection for bytes, after its handshake.
pub async fn connect(connector: &TlsConnector, service: &Http) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address(service)).await.unwrap();
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
}

/// Host and port of a service.
pub fn address(service: &Http) -> &str {
    service.base().split_once("://").unwrap().1
}

/// The files of a service.
pub struct TlsFiles(TempDir);

impl TlsFiles {
    pub fn of(identity: &Identity) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.replace(identity);
        files
    }

    /// Replaces certificate and key, as a renewal does.
    pub fn replace(&self, Identity { certificate, key }: &Identity) {
        self.write("tls.crt", certificate);
        self.write("tls.key", key);
    }

    /// Writes a file, in place of one of this name.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.path().join(name);
        let new = self.0.path().join(format!("{name}.new"));
        fs::write(&new, content).unwrap();
        fs::rename(new, &path).unwrap();
        path
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same command line, with HTTPS.
    pub fn secure(&self, launch: Launch) -> Launch {
        let launch = launch.env("TLS_CERT_FILE", self.path("tls.crt").display());
        launch.env("TLS_KEY_FILE", self.path("tls.key").display())
    }

    /// The same, and clients need a certificate of this authority.
    pub fn secure_for(&self, clients_of: &Authority, launch: Launch) -> Launch {
        let authorities = self.write("ca.crt", &clients_of.pem());
        self.secure(launch).env("TLS_CLIENT_CA_FILE", authorities.display())
    }
}
