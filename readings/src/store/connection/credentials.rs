//! Password and trusted certificates of a connection, and the files that they are read from.

use std::fs;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::address::AddressError;

/// Credentials in addition to the address.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The password; instead of the one in the URL.
    pub password: Password,
    /// A PEM file with the CA certificates to trust; without it the system's are.
    pub tls_ca_file: Option<PathBuf>,
}

/// Where the password comes from.
///
/// Line breaks after it and a byte-order mark before it are no part of it, as editors and `echo` add
/// them; spaces are.
#[derive(Clone, Default)]
pub enum Password {
    /// From the URL, if it has one.
    #[default]
    FromUrl,
    /// This text.
    Inline(String),
    /// From a file that is read for each connection, so that it can be changed while the process runs.
    FromFile(PathBuf),
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::FromUrl => f.write_str("FromUrl"),
            Self::Inline(_) => f.write_str("Inline(…)"),
            Self::FromFile(path) => f.debug_tuple("FromFile").field(path).finish(),
        }
    }
}

impl Credentials {
    /// Whether the CA file has a certificate.
    pub(super) fn validate(&self) -> Result<(), AddressError> {
        self.root_cert().map(drop).map_err(|error| AddressError(error.into()))
    }

    /// The PEM text of the certificates that are trusted instead of the system's.
    pub(super) fn root_cert(&self) -> Result<Option<Vec<u8>>, String> {
        let Some(path) = &self.tls_ca_file else { return Ok(None) };
        let pem = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        match authorities(&pem) {
            Some(_) => Ok(Some(pem)),
            None => Err(format!(
                "{} has no certificate of an authority in PEM format (-----BEGIN CERTIFICATE-----)",
                path.display()
            )),
        }
    }

    /// The password, if it is not the one in the URL.
    pub(super) fn password(&self) -> Result<Option<String>, String> {
        Ok(match &self.password {
            Password::FromUrl => None,
            Password::Inline(password) => Some(trimmed(password)),
            Password::FromFile(path) => Some(trimmed(&read(path)?)),
        })
    }
}

/// The certificates of a PEM text; `None` when it has no usable one.
pub(super) fn authorities(pem: &[u8]) -> Option<RootCertStore> {
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    let mut roots = RootCertStore::empty();
    let (trusted, _) = roots.add_parsable_certificates(certificates);
    (trusted > 0).then_some(roots)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn trimmed(password: &str) -> String {
    let password = password.strip_prefix('\u{feff}').unwrap_or(password);
    password.trim_end_matches(['\r', '\n']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_and_a_byte_order_mark_are_no_part_of_a_password_and_spaces_are() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        for (text, password) in [
            ("secret", "secret"),
            ("secret\n", "secret"),
            ("secret\r\n", "secret"),
            ("\u{feff}secret\r\n\n", "secret"),
            (" secret \t\n", " secret \t"),
            ("sec\nret\n", "sec\nret"),
        ] {
            fs::write(&file, text).unwrap();
            for password_from in
                [Password::FromFile(file.clone()), Password::Inline(text.to_owned())]
            {
                let credentials = Credentials { password: password_from, tls_ca_file: None };
                assert_eq!(credentials.password().unwrap().as_deref(), Some(password), "{text:?}");
            }
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let path = PathBuf::from("/no/such/file");
        let credentials =
            Credentials { password: Password::FromFile(path.clone()), tls_ca_file: Some(path) };
        for error in [credentials.password().unwrap_err(), credentials.root_cert().unwrap_err()] {
            assert!(error.contains("/no/such/file"), "{error}");
        }
    }

    #[test]
    fn a_file_of_authorities_without_a_certificate_is_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", "no PEM at all", key, garbage] {
            fs::write(&file, text).unwrap();
            let credentials =
                Credentials { tls_ca_file: Some(file.clone()), ..Credentials::default() };
            let error = credentials.validate().unwrap_err().to_string();
            assert!(error.contains("ca.pem has no certificate"), "{text:?}: {error}");
        }
    }
}
