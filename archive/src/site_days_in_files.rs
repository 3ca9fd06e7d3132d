//! The rows of files, site by site.

use std::sync::Arc;

use arrow_array::RecordBatch;
use futures_util::TryStreamExt;
use readings::SiteId;
use readings::store::archive::ArchiveError;

use crate::batches::Rows;
use crate::file_reader::{Batches, FileReader};
use crate::manifest::ArchiveFile;
use crate::object_files::ObjectFiles;
use crate::row::Row;

/// All rows of a site in some files.
pub(crate) type SiteRows = (SiteId, Vec<Row>);

/// Reads a file from its first to its last site. It has the rows of one site in memory, and a batch.
struct SitesOfFile {
    batches: Batches,
    batch: Option<(RecordBatch, usize)>,
    next: Option<SiteRows>,
    path: Arc<str>,
    files: ObjectFiles,
}

impl SitesOfFile {
    async fn open(
        files: &ObjectFiles,
        reader: &FileReader,
        file: &ArchiveFile,
    ) -> Result<Self, ArchiveError> {
        let batches = reader.all(file).await?;
        let path = file.path.as_str().into();
        let mut opened = Self { batches, batch: None, next: None, path, files: files.clone() };
        opened.advance().await?;
        Ok(opened)
    }

    /// Gives the next site, and reads the one after it.
    async fn advance(&mut self) -> Result<Option<SiteRows>, ArchiveError> {
        let given = self.next.take();
        let mut next: Option<SiteRows> = None;
        while let Some((batch, from)) = self.present().await? {
            let rows = Rows::of(&batch).ok_or_else(|| self.unreadable())?;
            let site = SiteId::new(rows.site.get(from)).ok_or_else(|| self.unreadable())?;
            let (name, found) = next.get_or_insert_with(|| (site.clone(), Vec::new()));
            if *name != site {
                self.batch = Some((batch.clone(), from));
                break;
            }
            let end = (from..rows.len()).find(|row| rows.site.key(*row) != rows.site.key(from));
            let end = end.unwrap_or(rows.len());
            found.extend((from..end).map(|row| rows.get(row)));
            self.batch = Some((batch.clone(), end));
        }
        let is_sorted = match (&given, &next) {
            (Some((before, _)), Some((after, _))) => before < after,
            _ => true,
        };
        if !is_sorted {
            return Err(self
                .files
                .error("read", format!("{}: its sites are not sorted", self.path)));
        }
        self.next = next;
        Ok(given)
    }

    /// The present batch, and its next row.
    async fn present(&mut self) -> Result<Option<(RecordBatch, usize)>, ArchiveError> {
        loop {
            match self.batch.take() {
                Some((batch, from)) if from < batch.num_rows() => return Ok(Some((batch, from))),
                _ => match self.batches.try_next().await? {
                    Some(batch) => self.batch = Some((batch, 0)),
                    None => return Ok(None),
                },
            }
        }
    }

    fn unreadable(&self) -> ArchiveError {
        self.files.error("read", format!("{}: a column is not as it was written", self.path))
    }
}

/// Reads files together, from their first to their last site.
pub(crate) struct SitesOfFiles {
    files: Vec<SitesOfFile>,
}

impl SitesOfFiles {
    /// Opens files.
    pub async fn open(
        files: &ObjectFiles,
        reader: &FileReader,
        opened: &[ArchiveFile],
    ) -> Result<Self, ArchiveError> {
        let mut all = Vec::with_capacity(opened.len());
        for file in opened {
            all.push(SitesOfFile::open(files, reader, file).await?);
        }
        Ok(Self { files: all })
    }

    /// The next site.
    pub fn next_site(&self) -> Option<SiteId> {
        self.files.iter().filter_map(|file| Some(&file.next.as_ref()?.0)).min().cloned()
    }

    /// The rows of this site, if it is the next one.
    pub async fn take(&mut self, site: &SiteId) -> Result<Vec<Row>, ArchiveError> {
        let mut rows = Vec::new();
        for file in &mut self.files {
            if file.next.as_ref().is_some_and(|(next, _)| next == site)
                && let Some((_, found)) = file.advance().await?
            {
                rows.extend(found);
            }
        }
        Ok(rows)
    }
}
