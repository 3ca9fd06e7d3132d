//! The directory of the server's socket, which only this user can open.
//!
//! It is in the data directory, unless the path of the socket would be longer than the system permits (108
//! bytes on Linux, 104 on macOS), or the file system has no sockets.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::data_directory::{DIRECTORY_MODE, DataDirectory, OTHERS, remove};

const SOCKET: &str = "redis.sock";
/// Where `TMPDIR` is long, too.
const SHORTEST: &str = "/tmp";

/// Creates a directory in which a socket can listen, and returns the path of that socket. The server that used
/// the data directory before must have stopped.
///
/// # Errors
/// When no directory can have it.
pub fn choose_socket(data: &DataDirectory) -> anyhow::Result<PathBuf> {
    if let Some(last) = data.socket() {
        remove_temporary(&last, data);
    }
    let mut chosen = socket_in(&data.socket_directory());
    for parent in [std::env::temp_dir(), PathBuf::from(SHORTEST)] {
        if chosen.is_err() {
            chosen = socket_in(&parent.join(unique_name()?));
        }
    }
    chosen.context("no directory can have the socket of the private Redis")
}

/// Another name for each start: the directory may be one that all users can write to, and a copy of the data
/// directory must not name the same socket.
fn unique_name() -> anyhow::Result<String> {
    let random = getrandom::u64().context("the system provides no random bytes")?;
    Ok(format!("energy-pipeline-{random:016x}"))
}

/// The path of the socket in a directory, if a server can listen there.
fn socket_in(directory: &Path) -> io::Result<PathBuf> {
    prepare(directory)?;
    let socket = directory.join(SOCKET);
    // A killed server does not remove it.
    let bound = remove(&socket).and_then(|()| UnixListener::bind(&socket));
    if bound.is_ok() {
        remove(&socket)?;
    } else {
        // Err: there are other files in it.
        let _ = fs::remove_dir(directory);
    }
    bound.map(|_| socket)
}

/// Creates the directory of a socket if it is missing: systems delete unused files in temporary directories.
///
/// # Errors
/// When it cannot be created, or other users have access.
pub fn prepare(directory: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(DIRECTORY_MODE).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(directory)?;
    let is_ours = found.uid() == rustix::process::geteuid().as_raw();
    if found.is_dir() && is_ours && found.permissions().mode() & OTHERS == 0 {
        return Ok(());
    }
    let text = format!("{} is not a directory of this user alone", directory.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// Removes the directory of a socket that is not in the data directory, once the server has stopped.
pub fn remove_temporary(socket: &Path, data: &DataDirectory) {
    if let Some(directory) = socket.parent().filter(|it| **it != data.socket_directory()) {
        // Err: it has been removed already, or is not empty, as another server uses it.
        let _ = fs::remove_dir(directory);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::symlink;

    use super::*;

    fn data_directory(parent: &Path, name: &str) -> DataDirectory {
        DataDirectory::prepare(&parent.join(name)).unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_socket_is_in_a_directory_of_this_user_alone_in_the_data_directory() {
        let parent = tempfile::tempdir().unwrap();
        let data = data_directory(parent.path(), "data");
        let socket = choose_socket(&data).unwrap();
        assert_eq!(socket, data.path().join("socket/redis.sock"));
        assert_eq!(mode(socket.parent().unwrap()), 0o700);
        assert!(!socket.exists());
    }

    #[test]
    fn the_socket_of_a_killed_server_is_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let data = data_directory(parent.path(), "data");
        let left_behind = UnixListener::bind(choose_socket(&data).unwrap()).unwrap();
        drop(left_behind);
        assert_eq!(choose_socket(&data).unwrap(), data.path().join("socket/redis.sock"));
    }

    #[test]
    fn a_path_that_is_too_long_for_a_socket_is_replaced_by_a_short_one_that_is_removed_again() {
        let parent = tempfile::tempdir().unwrap();
        let data = data_directory(parent.path(), &"long".repeat(40));
        let socket = choose_socket(&data).unwrap();
        let directory = socket.parent().unwrap().to_owned();
        assert!(!socket.starts_with(data.path()) && mode(&directory) == 0o700);
        assert!(!data.socket_directory().exists());
        data.write(&socket, None).unwrap();
        let next = choose_socket(&data).unwrap();
        assert!(next != socket && !directory.exists());
        remove_temporary(&next, &data);
        assert!(!next.parent().unwrap().exists());
    }

    #[test]
    fn a_directory_that_others_can_open_or_that_is_a_link_has_no_socket() {
        let parent = tempfile::tempdir().unwrap();
        let open = parent.path().join("open");
        prepare(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        assert!(prepare(&open).unwrap_err().to_string().contains("of this user alone"));
        fs::set_permissions(&open, Permissions::from_mode(0o700)).unwrap();
        symlink(&open, parent.path().join("link")).unwrap();
        assert!(prepare(&parent.path().join("link")).is_err());
    }
}
