//! The archive: where it is, and what is moved there.

use std::sync::Arc;
use std::time::Duration;

use archive::archiver::ArchiverSettings as Archiving;
use archive::{ArchiveUrl, ObjectFiles, ParquetArchive};
use clap::Args;
use readings::store::PartitionCount;
use readings::store::archive::DayArchive;

use super::parsers::{duration, partitions};
use super::{ConsumerSettings, RetentionSettings, SettingError};

const VARIABLE: &str = "ARCHIVE_URL";

#[derive(Debug, Clone, Args)]
pub struct ArchiveSettings {
    /// Where archived days are, as Parquet files: `file:///var/lib/energy-pipeline/archive` or `s3://bucket/prefix`; unset:
    /// days stay in Redis. The same for all services that read or store. A bucket needs `AWS_REGION` and credentials
    /// (`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or those of the machine), other stores than Amazon's
    /// `AWS_ENDPOINT_URL`
    #[arg(long, env, value_name = "URL", value_parser = url)]
    archive_url: Option<ArchiveUrl>,
}

#[derive(Debug, Clone, Args)]
pub struct ArchivingSettings {
    #[command(flatten)]
    pub archive: ArchiveSettings,
    /// How long after its end a packed day moves to `ARCHIVE_URL`, as `35d`; at least `PACK_AFTER`, without which a service
    /// moves none
    #[arg(long, env, value_name = "TIME", default_value = "35d", value_parser = duration)]
    archive_after: Duration,
    /// Into how many parts the sites of a new archive are divided, each with files of its own. Lower: fewer and larger files.
    /// Higher: a late reading of an archived month is written with fewer others; one for each 10,000 sites. It never changes
    /// for an archive
    #[arg(long, env, value_name = "COUNT", default_value = "1", value_parser = partitions)]
    archive_partitions: PartitionCount,
}

fn url(text: &str) -> Result<ArchiveUrl, String> {
    text.parse().map_err(|error: archive::ArchiveUrlError| error.to_string())
}

impl ArchiveSettings {
    /// The archive to read from, if one is configured.
    ///
    /// # Errors
    /// When its directory cannot be opened, or an `AWS_*` variable is invalid.
    pub fn open(&self) -> Result<Option<ParquetArchive>, SettingError> {
        let open = |url: &ArchiveUrl| ObjectFiles::open(url.clone()).map(ParquetArchive::new);
        self.archive_url.as_ref().map(open).transpose().map_err(|error| unusable(&error))
    }

    /// The same for a store of readings.
    ///
    /// # Errors
    /// As [`ArchiveSettings::open`].
    pub fn days(&self) -> Result<Option<Arc<dyn DayArchive>>, SettingError> {
        Ok(self.open()?.map(|archive| Arc::new(archive) as Arc<dyn DayArchive>))
    }

    /// The archive, where a command needs one.
    ///
    /// # Errors
    /// As [`ArchiveSettings::open`], or when none is configured, or its directory does not exist: a service creates it.
    pub fn required(&self) -> Result<ParquetArchive, SettingError> {
        if let Some(ArchiveUrl::Directory(path)) = &self.archive_url
            && !path.is_dir()
        {
            let text = format_args!("cannot be used: there is no directory {}", path.display());
            return Err(SettingError::new(VARIABLE, text));
        }
        self.open()?.ok_or_else(|| SettingError::new(VARIABLE, "must be set"))
    }
}

impl ArchivingSettings {
    /// The archive of a service that packs days, if one is configured.
    ///
    /// # Errors
    /// As [`ArchivingSettings::open`], or when days would be archived before they are packed.
    pub fn open_for(
        &self,
        consumer: &ConsumerSettings,
    ) -> Result<Option<ParquetArchive>, SettingError> {
        // Without an archive nothing is archived, whatever the default is.
        let pack_after = consumer.packing.pack_after();
        let pack_after = pack_after.filter(|_| self.archive.archive_url.is_some());
        let after = self.archive_after;
        let Some(pack_after) = pack_after.filter(|pack_after| after < *pack_after) else {
            return self.open();
        };
        let rule = "must be at least PACK_AFTER, as only packed days are archived";
        Err(SettingError::new(
            "ARCHIVE_AFTER",
            format_args!("{rule}, but {after:?} is below {pack_after:?}"),
        ))
    }

    /// The archive to read from and write to, if one is configured.
    ///
    /// # Errors
    /// As [`ArchiveSettings::open`], or when its directory cannot be written to.
    pub fn open(&self) -> Result<Option<ParquetArchive>, SettingError> {
        let archive = self.archive.open()?;
        if let Some(archive) = &archive {
            archive.files().check_writable().map_err(|error| unusable(&error))?;
        }
        Ok(archive)
    }

    /// What a service moves there, and when; nothing where it packs no days (`PACK_AFTER`), so that restored days stay.
    pub fn of_service(&self, consumer: &ConsumerSettings) -> Option<Archiving> {
        consumer.packing.pack_after().map(|_| self.archiving(consumer.retention()))
    }

    /// What is moved there, and when.
    pub fn archiving(&self, retention: &RetentionSettings) -> Archiving {
        Archiving {
            after: self.archive_after,
            partitions: self.archive_partitions,
            retention: retention.age(),
        }
    }
}

fn unusable(error: &readings::store::archive::ArchiveError) -> SettingError {
    SettingError::new(VARIABLE, format_args!("cannot be used: {error}"))
}
