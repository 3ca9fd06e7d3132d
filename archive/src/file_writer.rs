//! Writes a file of rows in their order.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Datelike};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::AsyncArrowWriter;
use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::archive::ArchiveError;
use xxhash_rust::xxh3::xxh3_64;

use crate::batches::BatchBuilder;
use crate::columns;
use crate::manifest::ArchiveFile;
use crate::object_files::ObjectFiles;
use crate::row::Row;

/// The folder of the files.
pub(crate) const FOLDER: &str = "readings";

/// The folder of replaced readings: not below the other, of which programs read all files.
pub(crate) const REPLACED_FOLDER: &str = "replaced";

/// Rows that are encoded at a time. Too low and encoding is slow; too high and it needs more memory.
const BATCH_ROWS: usize = 8_192;

/// Bytes of a part that is uploaded: at least 5 MiB by the rules of S3. Too high and more memory is used, as there are some.
const PART_BYTES: usize = 8 << 20;

/// Parts that are uploaded at a time.
const PARTS: usize = 4;

/// A file that is being written. It has its name from the beginning, and is no part of the archive until a manifest names it.
pub struct FileWriter {
    files: ObjectFiles,
    writer: AsyncArrowWriter<BufWriter>,
    batch: BatchBuilder,
    file: ArchiveFile,
    last_site: Option<SiteId>,
}

impl FileWriter {
    /// A file of the days of a partition, the last one included.
    ///
    /// # Errors
    /// When the columns cannot be encoded.
    pub fn create(
        files: &ObjectFiles,
        partition: u16,
        days: [Day; 2],
    ) -> Result<Self, ArchiveError> {
        Self::below(FOLDER, files, partition, days)
    }

    /// The same for readings that are replaced.
    ///
    /// # Errors
    /// When the columns cannot be encoded.
    pub fn create_replaced(
        files: &ObjectFiles,
        partition: u16,
        days: [Day; 2],
    ) -> Result<Self, ArchiveError> {
        Self::below(REPLACED_FOLDER, files, partition, days)
    }

    fn below(
        folder: &str,
        files: &ObjectFiles,
        partition: u16,
        days: [Day; 2],
    ) -> Result<Self, ArchiveError> {
        let [first_day, last_day] = days.map(Day::number);
        let path = file_path(folder, partition, days);
        let file = ArchiveFile {
            path,
            partition,
            first_day,
            last_day,
            rows: 0,
            sites: 0,
            bytes: 0,
            checksum: 0,
        };
        let buffer = BufWriter::with_capacity(
            files.store().clone(),
            Path::from(file.path.as_str()),
            PART_BYTES,
        )
        .with_max_concurrency(PARTS);
        let writer = AsyncArrowWriter::try_new_with_options(
            buffer,
            columns::schema(),
            columns::writer_options(),
        )
        .map_err(|error| files.error("put", error))?;
        let batch = BatchBuilder::new();
        Ok(Self { files: files.clone(), writer, batch, file, last_site: None })
    }

    /// Adds the rows of a site, whose id is after those before, in any order.
    ///
    /// # Errors
    /// When the object store does not accept them, or a row is not one of a member.
    pub async fn push(&mut self, site: &SiteId, mut rows: Vec<Row>) -> Result<(), ArchiveError> {
        if rows.is_empty() {
            return Ok(());
        }
        rows.sort_unstable_by(|a, b| a.file_order().cmp(&b.file_order()));
        self.file.sites += u64::from(self.last_site.as_ref() != Some(site));
        self.last_site = Some(site.clone());
        for row in &rows {
            let member = row.member(site).ok_or_else(|| self.files.error("put", NO_MEMBER))?;
            self.file.checksum = self.file.checksum.wrapping_add(xxh3_64(&member));
            self.file.rows += 1;
            self.batch.push(site.as_str(), row);
            if self.batch.rows() >= BATCH_ROWS {
                self.write().await?;
            }
        }
        Ok(())
    }

    /// Ends the file; gives what the manifest has of it. An empty file is not written.
    ///
    /// # Errors
    /// When the object store does not accept it.
    pub async fn finish(mut self) -> Result<Option<ArchiveFile>, ArchiveError> {
        if self.file.rows == 0 {
            return Ok(None);
        }
        self.write().await?;
        let finished = self.writer.finish().await;
        finished.map_err(|error| self.error(&error))?;
        self.file.bytes = u64::try_from(self.writer.bytes_written()).unwrap_or(u64::MAX);
        Ok(Some(self.file))
    }

    async fn write(&mut self) -> Result<(), ArchiveError> {
        let batch = self.batch.take().map_err(|error| self.files.error("put", error))?;
        let written = self.writer.write(&batch).await;
        written.map_err(|error| self.error(&error))
    }

    fn error(&self, cause: &parquet::errors::ParquetError) -> ArchiveError {
        self.files.error("put", format!("{}: {cause}", self.file.path))
    }
}

const NO_MEMBER: &str = "a row has no member";

/// Hive's names: other programs read `partition` and `month` as columns.
fn file_path(folder: &str, partition: u16, [first, last]: [Day; 2]) -> String {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let time = DateTime::from_timestamp_micros(first.start().epoch_micros()).unwrap_or_default();
    let (year, month) = (time.year(), time.month());
    // Two files of the same days never have one name, in one process or in several.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap_or_default().as_nanos();
    let unique = xxh3_64(
        format!("{now} {} {}", std::process::id(), WRITTEN.fetch_add(1, Ordering::Relaxed))
            .as_bytes(),
    );
    format!(
        "{folder}/partition={partition}/month={year:04}-{month:02}/{first}..{last}-{unique:016x}.parquet"
    )
}
