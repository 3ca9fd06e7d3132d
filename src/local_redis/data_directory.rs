//! The data directory: what is in it, and that it is its owner's alone.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use readings::store::{Credentials, Password, RedisServer};
use tracing::warn;

use super::HOST;

/// Locked as long as an `up` uses the directory.
const LOCK: &str = "lock";
/// Locked as long as a server does: its process has the open file, too.
const SERVER_LOCK: &str = "redis.lock";
const PORT: &str = "port";
const PASSWORD: &str = "redis.password";
const CONFIGURATION: &str = "redis.conf";
const LOG: &str = "redis.log";
const APPEND_ONLY: &str = "appendonlydir";

const OWNERS_FILE: u32 = 0o600;
const OWNERS_DIRECTORY: u32 = 0o700;
const OTHERS: u32 = 0o077;

/// The directory of a private Redis.
#[derive(Debug, Clone)]
pub struct Directory(PathBuf);

impl Directory {
    /// Makes it where it is missing, and takes what is in it from other users.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn prepare(path: &Path) -> anyhow::Result<Self> {
        let created = DirBuilder::new().recursive(true).mode(OWNERS_DIRECTORY).create(path);
        let path = created.and_then(|()| path.canonicalize()).with_context(|| {
            format!(
                "cannot use {} as the directory of the private Redis (DATA_DIR)",
                path.display()
            )
        })?;
        let directory = Self(path);
        if let Err(error) = directory.close_to_others() {
            warn!(%error, directory = %directory.0.display(), "other users may read the data");
        }
        Ok(directory)
    }

    /// One that is there.
    pub fn existing(path: &Path) -> Option<Self> {
        path.canonicalize().ok().map(Self)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The log of the server.
    pub fn log(&self) -> PathBuf {
        self.0.join(LOG)
    }

    /// The configuration file of the server.
    pub fn configuration(&self) -> PathBuf {
        self.0.join(CONFIGURATION)
    }

    /// An older version made it for all to read. A directory that other files are in is left as
    /// it is: what we write is the owner's alone there, too.
    fn close_to_others(&self) -> io::Result<()> {
        let is_ours = self.0.join(LOCK).exists() || fs::read_dir(&self.0)?.next().is_none();
        if is_ours && fs::metadata(&self.0)?.permissions().mode() & OTHERS != 0 {
            fs::set_permissions(&self.0, Permissions::from_mode(OWNERS_DIRECTORY))?;
        }
        for name in [LOCK, SERVER_LOCK, PORT, PASSWORD, CONFIGURATION, LOG] {
            close(&self.0.join(name), OWNERS_FILE)?;
        }
        let append_only = self.0.join(APPEND_ONLY);
        close(&append_only, OWNERS_DIRECTORY)?;
        for entry in fs::read_dir(append_only).into_iter().flatten() {
            close(&entry?.path(), OWNERS_FILE)?;
        }
        Ok(())
    }

    /// Locks it for this process.
    ///
    /// # Errors
    /// When another `up` has it.
    pub fn lock(&self) -> anyhow::Result<File> {
        let shown = self.0.display();
        let file =
            self.open(LOCK).with_context(|| format!("cannot write in {shown} (DATA_DIR)"))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => bail!(
                "another `energy-pipeline up` uses {shown}; end it, or name another with --data-dir"
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {shown}"))
            }
        }
    }

    /// The file that a server has locked as long as it runs, not locked yet.
    pub fn server_lock(&self) -> io::Result<File> {
        self.open(SERVER_LOCK)
    }

    fn open(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(OWNERS_FILE);
        options.open(self.0.join(name))
    }

    /// The port of the server that runs or ran here.
    pub fn port(&self) -> Option<u16> {
        fs::read_to_string(self.0.join(PORT)).ok()?.trim().parse().ok()
    }

    /// The server that runs or ran here. Without a password if there is none: older versions had none.
    pub fn server(&self) -> Option<RedisServer> {
        let server = RedisServer::from_host_port(HOST, self.port()?).ok()?;
        let file = self.0.join(PASSWORD);
        let password = if file.exists() { Password::FromFile(file) } else { Password::FromUrl };
        server.with_credentials(Credentials { password, tls_ca_file: None }).ok()
    }

    /// Writes where a server is going to be, and its password.
    pub fn write(&self, port: u16, password: &str) -> io::Result<()> {
        self.write_file(CONFIGURATION, &format!("requirepass {password}\n"))?;
        self.write_file(PASSWORD, &format!("{password}\n"))?;
        self.write_file(PORT, &port.to_string())
    }

    /// Writes a file as a whole: who reads it meanwhile reads what was there before.
    fn write_file(&self, name: &str, text: &str) -> io::Result<()> {
        let (file, new) = (self.0.join(name), self.0.join(format!("{name}.new")));
        // Err means that there is none, as it should be.
        let _ = fs::remove_file(&new);
        let created = OpenOptions::new().write(true).create_new(true).mode(OWNERS_FILE).open(&new);
        created?.write_all(text.as_bytes())?;
        fs::rename(new, file)
    }
}

/// Takes a file from other users, if it is there.
fn close(path: &Path, mode: u32) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_symlink() && found.permissions().mode() & OTHERS != 0 => {
            fs::set_permissions(path, Permissions::from_mode(mode))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
