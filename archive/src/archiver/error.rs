//! Why a run ends.

use readings::store::StoreError;
use readings::store::archive::ArchiveError;

/// Why a run of the archiver ends before it is done. What it has committed stays, and the next run does the rest.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The archive does not reply, or lacks something.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Redis does not reply.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Redis has lost its data, or is another one.
    #[error(
        "this Redis does not know the archive {url}, which has {files} files: run `energy-pipeline archive restore` if it \
         is to have their readings, or set another ARCHIVE_URL"
    )]
    UnknownArchive {
        /// The archive.
        url: String,
        /// Its files.
        files: usize,
    },
    /// The archived days are elsewhere.
    #[error(
        "the archived days of this Redis are in another archive than {url}: set the ARCHIVE_URL that they were moved to"
    )]
    OtherArchive {
        /// The archive.
        url: String,
    },
    /// Another process committed a manifest, or has the lease now.
    #[error("another process writes to the archive")]
    Conflict,
    /// What is to be archived differs from what its header says.
    #[error("{day} of site {site} was not archived: {cause}")]
    Damaged {
        /// The site.
        site: String,
        /// The day.
        day: String,
        /// How it differs.
        cause: String,
    },
}
