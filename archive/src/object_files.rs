//! The object store, and its errors.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RetryConfig,
};
use readings::store::archive::ArchiveError;

use crate::advice::advice;
use crate::archive_url::ArchiveUrl;

/// How long a request is repeated while the object store does not reply, or replies that it is overloaded. Too low and a
/// moment without it fails questions; too high and these wait for it in place of a 503.
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);

/// How often at most.
const RETRIES: usize = 5;

/// The objects of an archive.
#[derive(Debug, Clone)]
pub struct ObjectFiles {
    store: Arc<dyn ObjectStore>,
    url: Arc<ArchiveUrl>,
}

impl ObjectFiles {
    /// The archive of a URL. A directory is created; credentials, region and endpoint of a bucket are those of the `AWS_*`
    /// variables.
    ///
    /// # Errors
    /// When the directory can neither be opened nor created, or a variable is invalid.
    pub fn open(url: ArchiveUrl) -> Result<Self, ArchiveError> {
        let store = match &url {
            ArchiveUrl::Directory(path) => std::fs::create_dir_all(path)
                .map_err(|error| error.to_string())
                .and_then(|()| directory(path).map_err(|error| error.to_string())),
            ArchiveUrl::Bucket { bucket, prefix } => {
                self::bucket(bucket, prefix).map_err(|error| error.to_string())
            }
        };
        let url = Arc::new(url);
        match store {
            Ok(store) => Ok(Self { store, url }),
            Err(cause) => Err(ArchiveError { operation: "open", url: url.to_string(), cause }),
        }
    }

    /// Checks that the directory can be written to, where it is one. (A bucket is reached over a network: the first run
    /// tells.)
    ///
    /// # Errors
    /// When it cannot.
    pub fn check_writable(&self) -> Result<(), ArchiveError> {
        let ArchiveUrl::Directory(path) = &*self.url else { return Ok(()) };
        let probe = path.join(format!(".probe-{}", std::process::id()));
        std::fs::write(&probe, "")
            .and_then(|()| std::fs::remove_file(&probe))
            .map_err(|error| self.error("put", error))
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &ArchiveUrl {
        &self.url
    }

    /// The object store.
    #[must_use]
    pub const fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// An object; `None` when no object has that name.
    ///
    /// # Errors
    /// When the object store does not reply, or with an error.
    pub async fn get(&self, path: &str) -> Result<Option<Bytes>, ArchiveError> {
        let found = match self.store.get(&Path::from(path)).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.error("get", error)),
        };
        found.bytes().await.map(Some).map_err(|error| self.error("get", error))
    }

    /// The size of an object; `None` when no object has that name.
    ///
    /// # Errors
    /// As [`ObjectFiles::get`].
    pub async fn size(&self, path: &str) -> Result<Option<u64>, ArchiveError> {
        match self.store.head(&Path::from(path)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.error("head", error)),
        }
    }

    /// Parts of an object.
    pub(crate) async fn ranges(
        &self,
        path: &str,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>, Error> {
        self.store.get_ranges(&Path::from(path), ranges).await
    }

    /// Creates an object; false when there is one of that name.
    ///
    /// # Errors
    /// As [`ObjectFiles::get`]: it may have been created.
    pub async fn create(&self, path: &str, content: Vec<u8>) -> Result<bool, ArchiveError> {
        let (path, content) = (Path::from(path), PutPayload::from(content));
        match self.store.put_opts(&path, content, PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(self.error("put", error)),
        }
    }

    /// The objects whose names begin with a folder.
    ///
    /// # Errors
    /// As [`ObjectFiles::get`].
    pub async fn list(&self, folder: &str) -> Result<Vec<ObjectMeta>, ArchiveError> {
        let folder = Path::from(folder);
        let list = self.store.list(Some(&folder));
        list.try_collect().await.map_err(|error| self.error("list", error))
    }

    /// Deletes an object, if there is one.
    ///
    /// # Errors
    /// As [`ObjectFiles::get`].
    pub async fn delete(&self, path: &str) -> Result<(), ArchiveError> {
        match self.store.delete(&Path::from(path)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error("delete", error)),
        }
    }

    /// An error of this archive, with the settings that one of a bucket may be about.
    pub(crate) fn error(
        &self,
        operation: &'static str,
        cause: impl std::fmt::Display,
    ) -> ArchiveError {
        let mut cause = cause.to_string();
        let is_bucket = matches!(*self.url, ArchiveUrl::Bucket { .. });
        if let Some(advice) = advice(&cause).filter(|_| is_bucket) {
            cause = format!("{cause} ({advice})");
        }
        ArchiveError { operation, url: self.url.to_string(), cause }
    }
}

/// What is written is on the disk before Redis forgets it.
fn directory(path: &std::path::Path) -> Result<Arc<dyn ObjectStore>, Error> {
    Ok(Arc::new(LocalFileSystem::new_with_prefix(path)?.with_fsync(true)))
}

fn bucket(bucket: &str, prefix: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    let retry = RetryConfig {
        max_retries: RETRIES,
        retry_timeout: RETRY_TIMEOUT,
        ..RetryConfig::default()
    };
    let store = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry).build()?;
    if prefix.is_empty() {
        return Ok(Arc::new(store));
    }
    Ok(Arc::new(PrefixStore::new(store, prefix)))
}
