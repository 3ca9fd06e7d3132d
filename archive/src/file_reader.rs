//! Reads a file, whole or in part.

use std::collections::VecDeque;
use std::num::NonZero;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::RecordBatch;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, TryStreamExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::async_reader::{
    AsyncFileReader, ParquetRecordBatchStream, ParquetRecordBatchStreamBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use readings::store::archive::ArchiveError;
use tokio::sync::Semaphore;

use crate::columns;
use crate::manifest::ArchiveFile;
use crate::object_files::ObjectFiles;
use crate::pruning::{Pruned, Question};

/// Rows of a batch. Too low and decoding is slow; too high and it occupies a thread for long.
const BATCH_ROWS: usize = 8_192;

/// Bytes at the end of a file that the first request reads. Too low and the metadata takes three requests; too high and
/// each file costs more to open. With 5 KiB a row group it has those of 100 of them.
const METADATA_BYTES: usize = 512 << 10;

/// Memory for the metadata of files. Too low and it is read again for each question; too high and little is left for others.
const CACHE_BYTES: usize = 64 << 20;

const UNREADABLE: &str = "a column or a text is not as it was written";

/// Reads the files of an archive, and keeps their metadata: a file never changes.
#[derive(Debug, Clone)]
pub struct FileReader {
    files: ObjectFiles,
    cache: Arc<Mutex<Cache>>,
    /// One for each processor: more would compete, and hold what they decode in memory.
    decoders: Arc<Semaphore>,
}

/// The metadata of the files that were opened last, the oldest first.
#[derive(Debug, Default)]
struct Cache {
    opened: VecDeque<(Arc<str>, ArrowReaderMetadata, usize)>,
    bytes: usize,
}

impl Cache {
    fn get(&self, path: &str) -> Option<ArrowReaderMetadata> {
        let mut opened = self.opened.iter();
        opened.find(|(name, ..)| **name == *path).map(|(_, metadata, _)| metadata.clone())
    }

    fn insert(&mut self, path: &str, metadata: &ArrowReaderMetadata) {
        let bytes = metadata.metadata().memory_size();
        self.opened.push_back((path.into(), metadata.clone(), bytes));
        self.bytes += bytes;
        while self.bytes > CACHE_BYTES
            && let Some((.., bytes)) = self.opened.pop_front()
        {
            self.bytes -= bytes;
        }
    }
}

/// What a question asks of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All columns.
    Readings,
    /// Device, instant and power; the site where a page has others.
    Samples,
}

/// Batches of a file.
pub(crate) type Batches =
    futures_util::stream::BoxStream<'static, Result<RecordBatch, ArchiveError>>;

impl FileReader {
    /// Reads the files of an archive.
    #[must_use]
    pub fn new(files: ObjectFiles) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { files, cache: Arc::default(), decoders: Arc::new(Semaphore::new(processors)) }
    }

    /// All rows of a file.
    pub(crate) async fn all(&self, file: &ArchiveFile) -> Result<Batches, ArchiveError> {
        let (reader, metadata) = self.open(file).await?;
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata);
        let error = self.error_of(file);
        let stream = builder.with_batch_size(BATCH_ROWS).build().map_err(&error)?;
        Ok(Box::pin(stream.map_err(error)))
    }

    /// What `of_batch` makes of the rows that a question may be about, batch by batch, and of whether all are of its site. The
    /// batches have rows of other sites and instants, too. It gives `None` for a batch that is not as it was written.
    pub(crate) async fn select<T: Send + 'static>(
        &self,
        file: &ArchiveFile,
        question: &Question<'_>,
        wanted: Wanted,
        of_batch: impl Fn(&RecordBatch, bool) -> Option<T> + Send + Sync + 'static,
    ) -> Result<Vec<T>, ArchiveError> {
        let error = self.error_of(file);
        let (mut row_groups, is_of_site) = self.row_groups(file, question, wanted).await?;
        let of_batch = Arc::new(move |batch: &RecordBatch| {
            let unreadable = || ParquetError::General(UNREADABLE.to_owned());
            of_batch(batch, is_of_site).ok_or_else(unreadable)
        });
        let mut found = Vec::new();
        while let Some(row_group) = row_groups.next_row_group().await.map_err(&error)? {
            let of_batch = Arc::clone(&of_batch);
            let decode = move || row_group.map(|batch| of_batch(&batch?)).collect();
            let decoded: Result<Vec<T>, _> = self.decode(decode).await?;
            found.append(&mut decoded.map_err(&error)?);
        }
        Ok(found)
    }

    /// The row groups that a question may be about, and whether all their rows are of its site.
    async fn row_groups(
        &self,
        file: &ArchiveFile,
        question: &Question<'_>,
        wanted: Wanted,
    ) -> Result<(ParquetRecordBatchStream<RangeReader>, bool), ArchiveError> {
        let (reader, metadata) = self.open(file).await?;
        let Pruned { selections, is_of_site } = question.prune(metadata.metadata());
        let columns = match wanted {
            Wanted::Readings => ProjectionMask::all(),
            Wanted::Samples => samples(&metadata, is_of_site),
        };
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata)
            .with_row_group_selections(selections)
            .with_projection(columns)
            .with_batch_size(BATCH_ROWS);
        Ok((builder.build().map_err(self.error_of(file))?, is_of_site))
    }

    /// Does what takes a processor for milliseconds in another thread: this one has other requests.
    ///
    /// # Errors
    /// When it has panicked.
    pub(crate) async fn decode<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ArchiveError> {
        let failed = |error: &dyn std::fmt::Display| self.files.error("read", error);
        let _permit = self.decoders.acquire().await.map_err(|error| failed(&error))?;
        tokio::task::spawn_blocking(work).await.map_err(|error| failed(&error))
    }

    fn error_of(&self, file: &ArchiveFile) -> impl Fn(ParquetError) -> ArchiveError + use<> {
        let (files, path) = (self.files.clone(), file.path.clone());
        move |error: ParquetError| files.error("read", format!("{path}: {error}"))
    }

    async fn open(
        &self,
        file: &ArchiveFile,
    ) -> Result<(RangeReader, ArrowReaderMetadata), ArchiveError> {
        let path: Arc<str> = file.path.as_str().into();
        let mut reader = RangeReader { files: self.files.clone(), path, bytes: file.bytes };
        let cached = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&file.path);
        if let Some(metadata) = cached {
            return Ok((reader, metadata));
        }
        let options = ArrowReaderOptions::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_schema(columns::schema());
        let loaded = ArrowReaderMetadata::load_async(&mut reader, options).await;
        let metadata =
            loaded.map_err(|error| self.files.error("read", format!("{}: {error}", file.path)))?;
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(&file.path, &metadata);
        Ok((reader, metadata))
    }
}

fn samples(metadata: &ArrowReaderMetadata, is_of_site: bool) -> ProjectionMask {
    let three = [columns::DEVICE, columns::TIMESTAMP, columns::POWER].into_iter();
    let site = (!is_of_site).then_some(columns::SITE);
    ProjectionMask::leaves(metadata.parquet_schema(), three.chain(site))
}

/// Parts of an object as the Parquet reader asks for them.
#[derive(Debug, Clone)]
pub(crate) struct RangeReader {
    files: ObjectFiles,
    path: Arc<str>,
    bytes: u64,
}

impl RangeReader {
    async fn ranges(&self, ranges: Vec<Range<u64>>) -> Result<Vec<Bytes>, ParquetError> {
        let read = self.files.ranges(&self.path, &ranges).await;
        read.map_err(|error| ParquetError::External(Box::new(error)))
    }
}

impl AsyncFileReader for RangeReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        let only = self.ranges(vec![range]);
        only.map(|read| read.map(|parts| parts.into_iter().next().unwrap_or_default())).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        let reader = self.clone();
        async move { reader.ranges(ranges).await }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let bytes = self.bytes;
        let reader = ParquetMetaDataReader::new()
            .with_arrow_reader_options(options)
            .with_prefetch_hint(Some(METADATA_BYTES));
        reader.load_and_finish(self, bytes).map(|read| read.map(Arc::new)).boxed()
    }
}
