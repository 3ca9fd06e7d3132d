//! A keys file that is changed: locked meanwhile, and replaced as a whole.

use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::Context;
use api::access::{ApiKey, keys_file};
use tempfile::NamedTempFile;

/// The permissions of a new file: its owner's alone.
const MODE: u32 = 0o600;

/// The keys of a file. No other command changes the file until it is dropped.
pub struct EditableFile {
    /// Not a symbolic link: that stays as it is, and its target is replaced.
    path: PathBuf,
    keys: Vec<ApiKey>,
    _lock: File,
}

impl EditableFile {
    /// The keys of a file that is not changed.
    ///
    /// # Errors
    /// When it cannot be read, or is invalid.
    pub fn read(path: &Path) -> anyhow::Result<Vec<ApiKey>> {
        let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        keys_file::parse(&content).with_context(|| path.display().to_string())
    }

    /// An existing file.
    ///
    /// # Errors
    /// When it cannot be locked or read, or is invalid.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let path = target(path)?;
        let lock = lock(&path)?;
        Ok(Self { keys: Self::read(&path)?, path, _lock: lock })
    }

    /// The same, or no keys if the file does not exist.
    ///
    /// # Errors
    /// When it cannot be locked or read, or is invalid.
    pub fn open_or_create(path: &Path) -> anyhow::Result<Self> {
        let path = target(path)?;
        let lock = lock(&path)?;
        let keys = match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            _ => Self::read(&path)?,
        };
        Ok(Self { keys, path, _lock: lock })
    }

    /// The keys.
    pub fn keys(&self) -> &[ApiKey] {
        &self.keys
    }

    /// The path of the file, to be displayed.
    pub fn shown(&self) -> impl std::fmt::Display + '_ {
        self.path.display()
    }

    /// Adds a key.
    pub fn add(&mut self, key: ApiKey) {
        self.keys.push(key);
    }

    /// Removes the key with this name; without one, the key with this id.
    pub fn remove(&mut self, name_or_id: &str) -> Option<ApiKey> {
        let named = self.keys.iter().position(|key| key.name.as_str() == name_or_id);
        let at = named.or_else(|| self.keys.iter().position(|key| key.id.as_str() == name_or_id));
        at.map(|at| self.keys.remove(at))
    }

    /// Replaces the file: services that read it meanwhile see the old keys or the new ones. Mode and owner stay.
    ///
    /// # Errors
    /// When the keys are invalid together, or the file cannot be written.
    pub fn write(&self) -> anyhow::Result<()> {
        let content = keys_file::to_json(&self.keys);
        keys_file::parse(content.as_bytes())?;
        let replace = || -> anyhow::Result<()> {
            let mut file = NamedTempFile::new_in(directory(&self.path))?;
            file.write_all(content.as_bytes())?;
            let existing = fs::metadata(&self.path).ok();
            let mode = existing.as_ref().map_or(MODE, |existing| existing.mode() & 0o7777);
            if let Some(existing) = existing {
                keep_owner(&file, &existing)?;
            }
            file.as_file().set_permissions(Permissions::from_mode(mode))?;
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            Ok(())
        };
        replace().with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// The file that a path means: that which a symbolic link points to, also where it does not exist yet.
fn target(path: &Path) -> anyhow::Result<PathBuf> {
    let shown = || format!("cannot use {}", path.display());
    match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::read_link(path) {
            Ok(link) => target(&directory(path).join(link)),
            Err(_) => Ok(path.to_owned()),
        },
        found => found.with_context(shown),
    }
}

/// Locks the directory: the file itself is replaced, and a lock file would be left behind.
fn lock(path: &Path) -> anyhow::Result<File> {
    let directory = directory(path);
    let lock = File::open(directory).and_then(|opened| opened.lock().map(|()| opened));
    lock.with_context(|| format!("cannot lock {}", directory.display()))
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Of a file that another user owns, such as the service's: only root can give it back.
fn keep_owner(file: &NamedTempFile, existing: &fs::Metadata) -> anyhow::Result<()> {
    let created = file.as_file().metadata()?;
    if (created.uid(), created.gid()) != (existing.uid(), existing.gid()) {
        chown(file.path(), Some(existing.uid()), Some(existing.gid()))
            .context("cannot keep its owner")?;
    }
    Ok(())
}
