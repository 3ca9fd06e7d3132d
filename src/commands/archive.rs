//! `archive`: what the archive has, whether it is whole, and days back from it.

use std::sync::Arc;

use archive::archiver::Archiver;
use archive::restoring::{Restoration, Restored, RestoredInto};
use archive::verification::{Finding, Verification, Verified};
use archive::{Manifest, ParquetArchive};
use indicatif::{HumanBytes, HumanCount};
use readings::energy::rollup::Day;
use readings::store::packed::PackedDays;
use readings::store::site_index::SiteIndex;
use readings::store::{ArchiveRecord, SharedConnection};

use super::late_readings;
use super::redis_discovery::{find_partitions, find_server};
use super::site_progress::Progress;
use crate::config::{
    ArchiveAction, ArchiveArguments, CommandRedis, RestoreArguments, RunArchiverArguments,
    StatusArguments, VerifyArguments,
};
use crate::console;

/// Runs, describes, verifies or restores.
///
/// # Errors
/// When Redis or the archive does not respond, or something is wrong with the archive.
pub async fn run(arguments: ArchiveArguments) -> anyhow::Result<()> {
    match arguments.action {
        ArchiveAction::Run(arguments) => run_archiver(arguments).await,
        ArchiveAction::Status(arguments) => status(arguments).await,
        ArchiveAction::Verify(arguments) => verify(arguments).await,
        ArchiveAction::Restore(arguments) => restore(arguments).await,
    }
}

async fn run_archiver(arguments: RunArchiverArguments) -> anyhow::Result<()> {
    let archive = arguments.archiving.open()?;
    let archive = match archive {
        Some(archive) => archive,
        None => arguments.archiving.archive.required()?,
    };
    let settings = arguments.archiving.archiving(&arguments.retention);
    let partitions = find_partitions(&arguments.redis).await?;
    let archiver = Archiver::new(archive, &partitions, partitions.connection(), settings);
    let done = archiver.run().await?;
    let done = done.ok_or_else(|| anyhow::anyhow!("another process writes to the archive now"))?;
    if done.deduplicated > 0 {
        let removed = HumanCount(done.deduplicated);
        console::eprint(format_args!(
            "{removed} readings of archived days removed: DEDUP_POLICY keeps others of their devices and instants"
        ));
    }
    let [days, files, skipped] = [done.days, done.files, done.skipped].map(HumanCount);
    console::eprint(format_args!(
        "{days} days archived in {files} new files, {skipped} changed meanwhile"
    ));
    Ok(())
}

async fn status(arguments: StatusArguments) -> anyhow::Result<()> {
    let archive = arguments.archive.required()?;
    console::print(format_args!("archive    {}", archive.files().url()));
    let Some(manifest) = archive.manifests().read().await? else {
        console::print("it is empty");
        return Ok(());
    };
    for line in summary(&manifest) {
        console::print(line);
    }
    for file in &manifest.files {
        let [first, last] = [file.first_day, file.last_day].map(Day::from_number);
        let [rows, sites] = [file.rows, file.sites].map(HumanCount);
        let bytes = HumanBytes(file.bytes);
        let path = &file.path;
        console::print(format_args!(
            "{first}..{last}  {rows} readings of {sites} sites, {bytes}  {path}"
        ));
    }
    Ok(())
}

fn summary(manifest: &Manifest) -> [String; 6] {
    let watermark = manifest.watermark.map(Day::from_number);
    let until = watermark.map_or_else(
        || "no run was complete".to_owned(),
        |day| format!("all packed days before {day} are archived"),
    );
    let bytes = manifest.bytes();
    let [files, replaced] =
        [manifest.files.len(), manifest.replaced.len()].map(|count| HumanCount(count as u64));
    [
        format!("manifest   {}", manifest.number),
        format!("watermark  {until}"),
        format!("files      {files}, {}", HumanBytes(bytes)),
        format!("readings   {}", HumanCount(manifest.rows())),
        format!("replaced   {replaced} files of readings that later ones do not have, for a week"),
        format!("partitions {}", manifest.partitions),
    ]
}

async fn verify(arguments: VerifyArguments) -> anyhow::Result<()> {
    let archive = arguments.archive.required()?;
    let connection = connect(&arguments.redis).await?;
    let index = SiteIndex::new(&arguments.redis.redis.keys(), connection.clone());
    let packed = PackedDays::new(connection);
    let mut progress = Progress::new();
    let mut report = |finding: Finding<'_>| match finding {
        Finding::Progress(done) => progress.show_line(verified(done)),
        Finding::Problem(text) => progress.print_result(text),
    };
    let found = Verification::new(&archive, &packed, &mut report).run(&index).await?;
    progress.finish(verified(&found));
    for orphan in &found.orphans {
        console::print(format_args!(
            "no manifest names {orphan}: it is deleted a day after its end"
        ));
    }
    if found.replaced > 0 {
        let days = HumanCount(found.replaced);
        console::print(format_args!(
            "{days} of the days are as before a change that this Redis does not know: their replaced readings count"
        ));
    }
    let problems = found.problems;
    anyhow::ensure!(problems == 0, "{problems} problems");
    Ok(())
}

fn verified(found: &Verified) -> String {
    let Verified { files, days, readings, uncounted, sites, .. } = found;
    let [files, days, readings, uncounted, sites] =
        [files, days, readings, uncounted, sites].map(|count| HumanCount(*count));
    format!(
        "{files} files: {days} days of sites with {readings} readings are as Redis has them; {uncounted} days in files are \
         not archived days of this Redis ({sites} sites)"
    )
}

async fn restore(arguments: RestoreArguments) -> anyhow::Result<()> {
    let archive: ParquetArchive = arguments.archive.required()?;
    let is_empty = archive.manifests().read().await?.is_none();
    anyhow::ensure!(!is_empty, "the archive {} is empty (ARCHIVE_URL)", archive.files().url());
    let only_headers = arguments.only_headers;
    let partitions = find_partitions(&arguments.redis).await?;
    let (connection, keys) = (partitions.connection(), partitions.keys());
    let into = RestoredInto {
        packed: &PackedDays::new(connection.clone()),
        sites: &SiteIndex::new(keys, connection.clone()),
        record: &ArchiveRecord::new(keys, connection.clone()),
    };
    let restoration = Restoration {
        sites: arguments.sites.into_iter().collect(),
        from: arguments.from,
        before: arguments.before,
        only_headers,
    };
    let mut progress = Progress::new();
    let show = |done: &Restored| progress.show_line(restored(done, only_headers));
    let done = restoration.run(&archive, &into, show).await?;
    late_readings::compare(&partitions, Arc::new(archive)).await;
    progress.finish(restored(&done, only_headers));
    Ok(())
}

fn restored(done: &Restored, only_headers: bool) -> String {
    let [days, readings, present] = [done.days, done.readings, done.present].map(HumanCount);
    let what = if only_headers {
        format!("headers of {days} days restored, whose {readings} readings stay in the archive")
    } else {
        format!("{days} days with {readings} readings restored")
    };
    format!("{what}; {present} days left as they are in Redis")
}

async fn connect(redis: &CommandRedis) -> anyhow::Result<SharedConnection> {
    Ok(find_server(redis).await?.shared())
}
