//! The data directory: its files, its locks, and its permissions.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use readings::store::{Credentials, Password, RedisServer, SharedConnection};
use tracing::warn;

/// The address of the server's port.
pub(super) const HOST: &str = "127.0.0.1";

/// Locked while an `up` uses the directory.
const LOCK: &str = "lock";
/// Locked while a server uses the directory: its process has the open file, too.
const SERVER_LOCK: &str = "redis.lock";
const SOCKET_DIRECTORY: &str = "socket";
/// Path of the socket.
const SOCKET: &str = "socket.path";
const PORT: &str = "port";
const PASSWORD: &str = "redis.password";
const CONFIGURATION: &str = "redis.conf";
const LOG: &str = "redis.log";
const APPEND_ONLY: &str = "appendonlydir";

const FILE_MODE: u32 = 0o600;
pub(super) const DIRECTORY_MODE: u32 = 0o700;
/// All permissions of group and others.
pub(super) const OTHERS: u32 = 0o077;

/// A port of the server, and the password that every connection needs then.
#[derive(Debug)]
pub struct TcpAccess {
    pub port: u16,
    pub password: String,
}

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
        for name in [LOCK, SERVER_LOCK, SOCKET, PORT, PASSWORD, CONFIGURATION, LOG] {
            restrict(&self.0.join(name), FILE_MODE)?;
        }
        let append_only = self.0.join(APPEND_ONLY);
        restrict(&append_only, DIRECTORY_MODE)?;
        restrict(&self.socket_directory(), DIRECTORY_MODE)?;
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
        self.read(PORT)?.parse().ok()
    }

    /// The socket of the server that runs or ran on this directory.
    pub fn socket(&self) -> Option<PathBuf> {
        self.read(SOCKET).map(PathBuf::from)
    }

    /// The directory of the socket, where its path is short enough.
    pub fn socket_directory(&self) -> PathBuf {
        self.0.join(SOCKET_DIRECTORY)
    }

    /// The servers that may run on this directory, by their addresses: the socket, and the port, which is the
    /// only address of a server that an older version started.
    pub fn servers(&self) -> impl Iterator<Item = RedisServer> {
        let socket = self.socket().and_then(|path| self.server(&path));
        let port = self.port().and_then(|port| RedisServer::from_host_port(HOST, port).ok());
        socket.into_iter().chain(port.and_then(|server| self.with_password(server)))
    }

    /// The server that listens on a socket.
    pub fn server(&self, socket: &Path) -> Option<RedisServer> {
        self.with_password(RedisServer::from_socket(socket).ok()?)
    }

    /// Without a password where no server needs one.
    fn with_password(&self, server: RedisServer) -> Option<RedisServer> {
        let file = self.0.join(PASSWORD);
        let password = if file.exists() { Password::FromFile(file) } else { Password::FromUrl };
        server.with_credentials(Credentials { password, ..Credentials::default() }).ok()
    }

    /// Writes the addresses of a server that is about to start, and its password, if it listens on a port.
    pub fn write(&self, socket: &Path, port: Option<&TcpAccess>) -> io::Result<()> {
        let password = port.map(|access| access.password.as_str());
        let required = password.map(|password| format!("requirepass {password}"));
        self.write_file(CONFIGURATION, Some(&required.unwrap_or_default()))?;
        self.write_file(PASSWORD, password)?;
        self.write_file(PORT, port.map(|access| access.port.to_string()).as_deref())?;
        self.write_file(SOCKET, Some(&socket.to_string_lossy()))
    }

    fn read(&self, name: &str) -> Option<String> {
        Some(fs::read_to_string(self.0.join(name)).ok()?.trim_end_matches('\n').to_owned())
    }

    /// Writes a line to a file atomically (concurrent readers see the old contents or the new ones), or removes
    /// the file.
    fn write_file(&self, name: &str, line: Option<&str>) -> io::Result<()> {
        let (file, new) = (self.0.join(name), self.0.join(format!("{name}.new")));
        let Some(line) = line else { return remove(&file) };
        remove(&new)?;
        let created = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&new);
        writeln!(created?, "{line}")?;
        fs::rename(new, file)
    }
}

/// Removes a file, if it exists.
pub(super) fn remove(file: &Path) -> io::Result<()> {
    fs::remove_file(file).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
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

/// Whether the server that responds has its data in the directory: another program may use the port by now, and a
/// copied directory names the socket of the original.
pub(super) async fn serves_directory(
    connection: &SharedConnection,
    directory: &DataDirectory,
) -> bool {
    let found = connection.data_directory().await;
    found.is_ok_and(|found| Path::new(&found) == directory.path())
}
