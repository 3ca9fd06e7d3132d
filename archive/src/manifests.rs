//! The newest manifest, and how the next one is committed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use object_store::ObjectMeta;
use readings::store::archive::ArchiveError;

use crate::manifest::{Manifest, VERSION};
use crate::object_files::ObjectFiles;

/// Where the manifests are.
const FOLDER: &str = "manifest";

/// How many are kept, so that a process which reads one of them finds it, and an operator sees what has changed.
const KEPT: usize = 10;

/// For how long a manifest is kept in any case. Longer than [`LISTED_FOR`].
const KEPT_FOR: Duration = Duration::from_hours(1);

/// After which time the manifests are listed again. Within it the newest one is the last known if the next number does
/// not exist: none is deleted so soon.
const LISTED_FOR: Duration = Duration::from_mins(10);

/// The manifests of an archive.
#[derive(Debug, Clone)]
pub struct Manifests {
    files: ObjectFiles,
    known: Arc<Mutex<Option<Known>>>,
}

#[derive(Debug, Clone)]
struct Known {
    manifest: Arc<Manifest>,
    listed_at: Instant,
}

impl Manifests {
    /// Those of an archive.
    #[must_use]
    pub fn new(files: ObjectFiles) -> Self {
        Self { files, known: Arc::default() }
    }

    /// The newest manifest; `None` before the first commit. It costs one request: whether there is a newer one. A header
    /// that says that a day is archived is written after the manifest that has it, so the day is in this one.
    ///
    /// # Errors
    /// When the object store does not reply, or the manifest is damaged or of a later version of the program.
    pub async fn newest(&self) -> Result<Option<Arc<Manifest>>, ArchiveError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = known.filter(|it| it.listed_at.elapsed() < LISTED_FOR);
        let Some(Known { manifest, .. }) = known else { return self.read().await };
        if self.files.size(&path(manifest.number + 1)).await?.is_none() {
            return Ok(Some(manifest));
        }
        self.read().await
    }

    /// Lists the manifests, and reads the newest.
    ///
    /// # Errors
    /// As [`Manifests::newest`].
    pub async fn read(&self) -> Result<Option<Arc<Manifest>>, ArchiveError> {
        let listed_at = Instant::now();
        let Some(number) = self.list().await?.last().map(|(number, _)| *number) else {
            return Ok(None);
        };
        let found = self.files.get(&path(number)).await?;
        let found = found.ok_or_else(|| self.damaged(number, "it is not there any more"))?;
        let manifest: Manifest =
            serde_json::from_slice(&found).map_err(|error| self.damaged(number, error))?;
        if manifest.version > VERSION {
            return Err(self.damaged(number, "a later version of the program wrote it"));
        }
        Ok(Some(self.know(manifest, listed_at)))
    }

    /// Commits the manifest after the newest; `None` where another process has committed one with this number. When the reply
    /// is lost, or the object store says that it exists as the request was repeated, the manifest of that number tells.
    ///
    /// # Errors
    /// When the object store does not reply, or with an error: it may be committed.
    pub async fn commit(&self, next: Manifest) -> Result<Option<Arc<Manifest>>, ArchiveError> {
        let content =
            serde_json::to_vec_pretty(&next).map_err(|error| self.files.error("put", error))?;
        let created = self.files.create(&path(next.number), content).await;
        if matches!(created, Ok(true)) {
            return Ok(Some(self.know(next, Instant::now())));
        }
        let ours = self.read().await?.filter(|newest| **newest == next);
        if ours.is_none() {
            created?;
        }
        Ok(ours)
    }

    /// Deletes manifests that are neither among the newest nor young.
    ///
    /// # Errors
    /// When the object store does not reply, or with an error.
    pub async fn sweep(&self) -> Result<(), ArchiveError> {
        let listed = self.list().await?;
        let old = SystemTime::now() - KEPT_FOR;
        for (_, object) in listed.iter().rev().skip(KEPT) {
            if SystemTime::from(object.last_modified) < old {
                self.files.delete(object.location.as_ref()).await?;
            }
        }
        Ok(())
    }

    /// The manifests, in the order of their numbers.
    async fn list(&self) -> Result<Vec<(u64, ObjectMeta)>, ArchiveError> {
        let objects = self.files.list(FOLDER).await?;
        let numbered = objects.into_iter().filter_map(|object| {
            let number = object.location.filename()?.strip_suffix(".json")?.parse().ok()?;
            Some((number, object))
        });
        let mut manifests: Vec<_> = numbered.collect();
        manifests.sort_unstable_by_key(|(number, _)| *number);
        Ok(manifests)
    }

    fn know(&self, manifest: Manifest, listed_at: Instant) -> Arc<Manifest> {
        let manifest = Arc::new(manifest);
        let known = Known { manifest: Arc::clone(&manifest), listed_at };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
        manifest
    }

    fn damaged(&self, number: u64, cause: impl std::fmt::Display) -> ArchiveError {
        self.files.error("read", format!("{}: {cause}", path(number)))
    }
}

/// With leading zeros, so that lists of names are in the order of the numbers.
fn path(number: u64) -> String {
    format!("{FOLDER}/{number:020}.json")
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use readings::store::PartitionCount;

    use super::*;
    use crate::archive_url::ArchiveUrl;

    #[tokio::test]
    async fn a_manifest_is_deleted_when_it_is_neither_among_the_newest_nor_young() {
        let directory = tempfile::tempdir().unwrap();
        let url = ArchiveUrl::Directory(directory.path().to_owned());
        let manifests = Manifests::new(ObjectFiles::open(url).unwrap());
        let mut newest = Manifest::new("test".to_owned(), PartitionCount::ONE);
        for _ in 0..KEPT + 2 {
            newest = newest.replacing(&[], None);
            manifests.commit(newest.clone()).await.unwrap().unwrap();
        }
        manifests.sweep().await.unwrap();
        let young = manifests.list().await.unwrap();
        assert_eq!(young.len(), KEPT + 2);
        for (_, object) in &young[1..] {
            let path = directory.path().join(object.location.as_ref());
            let file = File::options().append(true).open(path).unwrap();
            file.set_modified(SystemTime::now() - 2 * KEPT_FOR).unwrap();
        }
        manifests.sweep().await.unwrap();
        let numbers = |listed: Vec<(u64, ObjectMeta)>| -> Vec<u64> {
            listed.into_iter().map(|(number, _)| number).collect()
        };
        let mut kept = numbers(young);
        kept.remove(1);
        assert_eq!(numbers(manifests.list().await.unwrap()), kept, "the first one is young");
    }
}
