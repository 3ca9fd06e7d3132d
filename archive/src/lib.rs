//! Days of readings as Parquet files in an object store.
//!
//! | module | what it owns |
//! |---|---|
//! | [`archiver`] | moves packed days into files: plan, files, manifest, headers in Redis |
//! | [`restoring`] | brings archived days back into Redis |
//! | [`verification`] | compares all files with what Redis knows of their days |
//! | `site_days_in_files` | the rows of files, site by site |
//! | `site_in_file` | what a file has of a site: members of days, samples |
//! | [`parquet_archive`] | [`ParquetArchive`]: reads the archived days of sites |
//! | [`manifests`] | the newest manifest, and how the next one is committed |
//! | [`manifest`] | which files there are, and which days they have |
//! | [`file_writer`], [`file_reader`] | a file of sorted rows, and reading it whole or in part |
//! | `pruning` | which pages of a file may have the rows of a question |
//! | `batches` | rows <-> Arrow |
//! | `columns` | the columns of a file, and how they are encoded |
//! | [`row`] | a reading as a row: the member of the sorted set without what follows from it |
//! | [`object_files`] | the object store, and its errors |
//! | `advice` | which setting an error of an object store is about |
//! | [`metrics`] | runs, files, bytes, watermark |
//! | [`archive_url`] | `ARCHIVE_URL` |
//!
//! A file never changes. A change of what the archive has is a new file, then a manifest that names it in place of others,
//! then the headers of its days in Redis, and last the deletion of the files that it replaces. The manifest is created
//! under the next number, which one process alone can do. So a process may end at any step: readers use the files of the
//! newest manifest, and of these the days whose headers say that they are archived.

mod advice;
pub mod archive_url;
pub mod archiver;
mod batches;
mod columns;
pub mod file_reader;
pub mod file_writer;
pub mod manifest;
pub mod manifests;
pub mod metrics;
pub mod object_files;
pub mod parquet_archive;
mod pruning;
pub mod restoring;
pub mod row;
mod site_days_in_files;
mod site_in_file;
pub mod verification;

pub use archive_url::{ArchiveUrl, ArchiveUrlError};
pub use manifest::{ArchiveFile, Manifest};
pub use manifests::Manifests;
pub use object_files::ObjectFiles;
pub use parquet_archive::ParquetArchive;
