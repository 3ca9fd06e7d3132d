//! Passwords and certificates of a connection, and the files that the passwords are read from.

use std::fs;
use std::path::{Path, PathBuf};

use redis::RedisConnectionInfo;

use super::tls::TlsFiles;

/// Credentials in addition to the address.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The password; instead of the one in the URL.
    pub password: Password,
    /// What the Sentinels are sent; nothing without it.
    pub sentinel: Option<SentinelLogin>,
    /// The certificates of TLS connections.
    pub tls: TlsFiles,
}

/// The user and password of the Sentinels, which are not those of the servers that they monitor.
#[derive(Debug, Clone)]
pub struct SentinelLogin {
    /// The ACL user; the default user without it.
    pub user: Option<String>,
    /// Its password.
    pub password: Password,
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
    /// The password, if it is not the one in the URL.
    pub(super) fn password(&self) -> Result<Option<String>, String> {
        self.password.read()
    }

    /// What a connection to a Sentinel is opened with.
    pub(super) fn sentinel_login(&self) -> Result<RedisConnectionInfo, String> {
        let mut info = RedisConnectionInfo::default();
        if let Some(login) = &self.sentinel {
            if let Some(user) = &login.user {
                info = info.set_username(user.as_str());
            }
            if let Some(password) = login.password.read()? {
                info = info.set_password(password);
            }
        }
        Ok(info)
    }
}

impl Password {
    fn read(&self) -> Result<Option<String>, String> {
        Ok(match self {
            Self::FromUrl => None,
            Self::Inline(password) => Some(trimmed(password)),
            Self::FromFile(path) => Some(trimmed(&read(path)?)),
        })
    }
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
                let credentials = Credentials { password: password_from, ..Credentials::default() };
                assert_eq!(credentials.password().unwrap().as_deref(), Some(password), "{text:?}");
            }
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let path = PathBuf::from("/no/such/file");
        let credentials =
            Credentials { password: Password::FromFile(path), ..Credentials::default() };
        let error = credentials.password().unwrap_err();
        assert!(error.contains("/no/such/file"), "{error}");
    }
}
