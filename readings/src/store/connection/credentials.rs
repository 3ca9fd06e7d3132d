//! The secrets that a connection needs, and the files that they are in.

use std::fs;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::address::AddressFault;

/// What is needed besides the address.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// The password; instead of the one in the URL.
    pub password: Password,
    /// A PEM file with the certificates that sign the server's; else the system's are trusted.
    pub tls_ca_file: Option<PathBuf>,
}

/// Where the password comes from.
///
/// Line ends after it and a byte-order mark before it are no part of it, as editors and `echo` add
/// them; blanks are.
#[derive(Clone, Default)]
pub enum Password {
    /// From the URL, if it has one.
    #[default]
    OfUrl,
    /// As it was given.
    Given(String),
    /// From a file, read anew for each connection, so that it can be changed while we run.
    InFile(PathBuf),
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OfUrl => f.write_str("OfUrl"),
            Self::Given(_) => f.write_str("Given(…)"),
            Self::InFile(path) => f.debug_tuple("InFile").field(path).finish(),
        }
    }
}

impl Secrets {
    /// Looks whether the file of authorities has any.
    pub(super) fn check(&self) -> Result<(), AddressFault> {
        self.root_cert().map(drop).map_err(|error| AddressFault(error.into()))
    }

    /// The text of the certificates that are trusted instead of the system's.
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
            Password::OfUrl => None,
            Password::Given(password) => Some(trimmed(password)),
            Password::InFile(path) => Some(trimmed(&read(path)?)),
        })
    }
}

/// The certificates of a PEM text; `None` when there is none that can be trusted.
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
    fn line_ends_and_a_byte_order_mark_are_no_part_of_a_password_and_blanks_are() {
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
            for password_from in [Password::InFile(file.clone()), Password::Given(text.to_owned())]
            {
                let secrets = Secrets { password: password_from, tls_ca_file: None };
                assert_eq!(secrets.password().unwrap().as_deref(), Some(password), "{text:?}");
            }
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let path = PathBuf::from("/no/such/file");
        let secrets = Secrets { password: Password::InFile(path.clone()), tls_ca_file: Some(path) };
        for error in [secrets.password().unwrap_err(), secrets.root_cert().unwrap_err()] {
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
            let secrets = Secrets { tls_ca_file: Some(file.clone()), ..Secrets::default() };
            let fault = secrets.check().unwrap_err().to_string();
            assert!(fault.contains("ca.pem has no certificate"), "{text:?}: {fault}");
        }
    }
}
