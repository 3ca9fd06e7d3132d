//! What can fail at the archive.

/// Archived days that cannot be read now.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} failed at the archive {url}: {cause}")]
pub struct ArchiveError {
    /// What was attempted: `get`, `put`, `list`, `delete`, `read`.
    pub operation: &'static str,
    /// The archive (`ARCHIVE_URL`), without credentials.
    pub url: String,
    /// The cause, in the words of the object store.
    pub cause: String,
}
