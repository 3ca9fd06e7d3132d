//! The data directory: its files, its locks, and its permissions.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use readings::store::{Credentials, Password, RedisServer, SharedConnection};
use tracing::warn;

/// The address that the server listens on.
pub(super) const HOST: &str = "127.0.0.1";

/// Locked while an `up` uses the directory.
const LOCK: &str = "lock";
/// Locked while a server uses the directory: its process has the open file, too.
const SERVER_LOCK: &str = "redis.lock";
const PORT: &str = "port";
const PASSWORD: &str = "redis.password";
const CONFIGURATION: &str = "redis.conf";
const LOG: &str = "redis.log";
const APPEND_ONLY: &str = "appendonlydir";

const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// All permissions of group and others.
const OTHERS: u32 = 0o077;

/// The directory of a private Redis.
#[derive(Debug, Clone)]
pub struct DataDirectory(PathBuf);

impl DataDirectory {
    /// Creates the directory if it is missing, and removes other users' permissions.
    ///
    /// # Errors
    /// When it cannot be created or opened.
    pub fn prepare(path: &Path) -> anyhow::Result<Self> {
        let created = DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path);
        let path = created.and_then(|()| path.canonicalize()).with_context(|| {
            format!(
                "cannot use {} as the directory of the private Redis (DATA_DIR)",
                path.display()
            )
        })?;
        let directory = Self(path);
        if let Err(error) = directory.restrict_permissions() {
            warn!(%error, directory = %directory.0.display(), "other users may read the data");
        }
        Ok(directory)
    }

    /// An existing directory.
    pub fn existing(path: &Path) -> Option<Self> {
        path.canonicalize().ok().map(Self)
    }

    /// Its absolute path.
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

    /// An older version created it readable for all users. The mode of a directory that contains other files
    /// is not changed: our own files are readable by their owner only there, too.
    fn restrict_permissions(&self) -> io::Result<()> {
        let is_ours = self.0.join(LOCK).exists() || fs::read_dir(&self.0)?.next().is_none();
        if is_ours && fs::metadata(&self.0)?.permissions().mode() & OTHERS != 0 {
            fs::set_permissions(&self.0, Permissions::from_mode(DIRECTORY_MODE))?;
        }
        for name in [LOCK, SERVER_LOCK, PORT, PASSWORD, CONFIGURATION, LOG] {
            restrict(&self.0.join(name), FILE_MODE)?;
        }
        let append_only = self.0.join(APPEND_ONLY);
        restrict(&append_only, DIRECTORY_MODE)?;
        for entry in fs::read_dir(append_only).into_iter().flatten() {
            restrict(&entry?.path(), FILE_MODE)?;
        }
        Ok(())
    }

    /// Locks it for this process.
    ///
    /// # Errors
    /// When another `up` has locked it.
    pub fn lock(&self) -> anyhow::Result<File> {
        let shown = self.0.display();
        let file =
            self.open(LOCK).with_context(|| format!("cannot write in {shown} (DATA_DIR)"))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => bail!(
                "another `energy-pipeline up` uses {shown}; stop it, or choose another directory with --data-dir"
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {shown}"))
            }
        }
    }

    /// The lock file of a server, not locked yet.
    pub fn server_lock(&self) -> io::Result<File> {
        self.open(SERVER_LOCK)
    }

    fn open(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(FILE_MODE);
        options.open(self.0.join(name))
    }

    /// The port of the server that runs or ran on this directory.
    pub fn port(&self) -> Option<u16> {
        fs::read_to_string(self.0.join(PORT)).ok()?.trim().parse().ok()
    }

    /// The server that runs or ran on this directory; without a password if an older version started it.
    pub fn server(&self) -> Option<RedisServer> {
        let server = RedisServer::from_host_port(HOST, self.port()?).ok()?;
        let file = self.0.join(PASSWORD);
        let password = if file.exists() { Password::FromFile(file) } else { Password::FromUrl };
        server.with_credentials(Credentials { password, tls_ca_file: None }).ok()
    }

    /// Writes port and password of a server that is about to start.
    pub fn write(&self, port: u16, password: &str) -> io::Result<()> {
        self.write_file(CONFIGURATION, &format!("requirepass {password}\n"))?;
        self.write_file(PASSWORD, &format!("{password}\n"))?;
        self.write_file(PORT, &port.to_string())
    }

    /// Writes a file atomically: concurrent readers see the old contents or the new ones.
    fn write_file(&self, name: &str, text: &str) -> io::Result<()> {
        let (file, new) = (self.0.join(name), self.0.join(format!("{name}.new")));
        // Err: the file does not exist, as usual.
        let _ = fs::remove_file(&new);
        let created = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&new);
        created?.write_all(text.as_bytes())?;
        fs::rename(new, file)
    }
}

/// Removes other users' permissions of a file, if it exists.
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_symlink() && found.permissions().mode() & OTHERS != 0 => {
            fs::set_permissions(path, Permissions::from_mode(mode))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether the server that responds has its data in the directory: another program may use the port by now.
pub(super) async fn serves_directory(
    connection: &SharedConnection,
    directory: &DataDirectory,
) -> bool {
    let found = connection.data_directory().await;
    found.is_ok_and(|found| Path::new(&found) == directory.path())
}
