//! Values that are read from files, and read again when the files change: keys are revoked and certificates renewed
//! without a restart.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use std::{fs, io};

use arc_swap::{ArcSwap, Guard};
use opentelemetry::KeyValue;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info};

use crate::metrics::{RELOAD_SUCCESSFUL, SETTING};

/// How often the files are compared with what was read. Contents, not times or names: a mounted Secret is replaced by
/// a link to another directory. Too low: needless reads. Too high: a revoked key is accepted for longer.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The largest file. Too low: many keys have no place. Too high: a wrong file, which is read once a second, fills the
/// memory.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The files of a setting.
#[derive(Debug, Clone)]
pub struct SettingFiles {
    /// The setting, for errors and the metric.
    pub setting: &'static str,
    /// The files that the value is read from.
    pub paths: Vec<PathBuf>,
}

/// The files of a setting cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError<E> {
    /// A file cannot be read.
    #[error("must be a file that can be read: {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// The content is invalid.
    #[error("{0}")]
    Invalid(E),
}

/// A value that is read from files. Clones share it.
#[derive(Debug)]
pub struct Reloaded<T>(Arc<ArcSwap<T>>);

impl<T> Clone for Reloaded<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + Sync + 'static> Reloaded<T> {
    /// Reads the value, and spawns a task that reads it again when a file changes, until the last clone is dropped.
    /// An invalid change is logged, and the value stays as it was.
    ///
    /// # Errors
    /// When a file cannot be read, or its content is invalid.
    pub fn load<E: Display + 'static>(
        files: SettingFiles,
        parse: impl Fn(&[Vec<u8>]) -> Result<T, E> + Send + 'static,
    ) -> Result<Self, ReloadError<E>> {
        let contents = read(&files.paths)?;
        let value = parse(&contents).map_err(ReloadError::Invalid)?;
        let current = Arc::new(ArcSwap::from_pointee(value));
        let valid = Arc::new(AtomicBool::new(true));
        register_gauge(files.setting, Arc::downgrade(&valid));
        let watch =
            Watch { files, contents, failure: None, valid, current: Arc::downgrade(&current) };
        tokio::spawn(watch.run(parse));
        Ok(Self(current))
    }

    /// The value as it was last read.
    #[must_use]
    pub fn current(&self) -> Guard<Arc<T>> {
        self.0.load()
    }
}

/// The watch over the files of a value.
struct Watch<T> {
    files: SettingFiles,
    contents: Vec<Vec<u8>>,
    /// The last failure, which is logged once.
    failure: Option<String>,
    valid: Arc<AtomicBool>,
    current: Weak<ArcSwap<T>>,
}

impl<T> Watch<T> {
    async fn run<E: Display>(mut self, parse: impl Fn(&[Vec<u8>]) -> Result<T, E>) {
        let mut ticks = interval(CHECK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(current) = self.current.upgrade() else { return };
            self.check(&current, &parse);
        }
    }

    fn check<E: Display>(
        &mut self,
        current: &ArcSwap<T>,
        parse: &impl Fn(&[Vec<u8>]) -> Result<T, E>,
    ) {
        let outcome = read(&self.files.paths).and_then(|contents| {
            if contents == self.contents {
                return Ok(None);
            }
            let value = parse(&contents).map_err(ReloadError::Invalid)?;
            self.contents = contents;
            Ok(Some(value))
        });
        match outcome {
            Ok(None) => self.recover(),
            Ok(Some(value)) => {
                current.store(Arc::new(value));
                self.recover();
                info!(setting = self.files.setting, "changed files were read again");
            }
            Err(error) => self.fail(&error),
        }
    }

    fn recover(&mut self) {
        self.failure = None;
        self.valid.store(true, Ordering::Relaxed);
    }

    fn fail(&mut self, error: &impl Display) {
        self.valid.store(false, Ordering::Relaxed);
        let failure = error.to_string();
        if self.failure.as_ref() != Some(&failure) {
            let setting = self.files.setting;
            error!(
                setting,
                error = failure,
                "changed files are invalid: the previous ones stay in use"
            );
            self.failure = Some(failure);
        }
    }
}

fn read<E>(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, ReloadError<E>> {
    let read = |path: &PathBuf| {
        read_file(path).map_err(|source| ReloadError::Unreadable { path: path.clone(), source })
    };
    paths.iter().map(read).collect()
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // Before it is opened: opening a pipe waits for its writer.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(io::Error::other("it is larger than 16 MiB"));
    }
    fs::read(path)
}

fn register_gauge(setting: &'static str, valid: Weak<AtomicBool>) {
    RELOAD_SUCCESSFUL.register_labelled_gauge(move || {
        let labels = || vec![KeyValue::new(SETTING, setting)];
        let valid = valid.upgrade().map(|valid| valid.load(Ordering::Relaxed));
        valid.map(|valid| (f64::from(u8::from(valid)), labels())).into_iter().collect()
    });
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    fn number(contents: &[Vec<u8>]) -> Result<u32, String> {
        let text = String::from_utf8_lossy(contents.first().map_or(&[], Vec::as_slice));
        text.trim().parse().map_err(|_| format!("'{text}' is not a number"))
    }

    fn load(path: &Path) -> Result<Reloaded<u32>, ReloadError<String>> {
        let files = SettingFiles { setting: "NUMBER_FILE", paths: vec![path.to_owned()] };
        Reloaded::load(files, number)
    }

    async fn becomes(value: &Reloaded<u32>, expected: u32) {
        let changed = async {
            while **value.current() != expected {
                advance(CHECK_INTERVAL).await;
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_mins(1), changed).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_file_is_read_again_and_an_invalid_or_missing_one_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("number");
        fs::write(&path, "1").unwrap();
        let value = load(&path).unwrap();
        assert_eq!(**value.current(), 1);
        fs::write(&path, "2").unwrap();
        becomes(&value, 2).await;
        fs::write(&path, "two").unwrap();
        advance(CHECK_INTERVAL * 3).await;
        assert_eq!(**value.current(), 2);
        fs::remove_file(&path).unwrap();
        advance(CHECK_INTERVAL * 3).await;
        assert_eq!(**value.current(), 2);
        fs::write(&path, "3").unwrap();
        becomes(&value, 3).await;
    }

    #[tokio::test]
    async fn a_value_cannot_be_loaded_from_a_missing_or_invalid_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("number");
        assert!(matches!(load(&path), Err(ReloadError::Unreadable { .. })));
        let unreadable = |path: &Path| load(path).unwrap_err().to_string();
        assert!(unreadable(directory.path()).ends_with("it is not a regular file"));
        fs::File::create(&path).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        assert!(unreadable(&path).ends_with("it is larger than 16 MiB"));
        fs::write(&path, "one").unwrap();
        let error = load(&path).unwrap_err().to_string();
        assert_eq!(error, "'one' is not a number");
    }
}
