//! Deletes what processes that ended have left.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use readings::store::archive::ArchiveError;

use crate::archive_url::ArchiveUrl;
use crate::file_writer::{FOLDER, REPLACED_FOLDER};
use crate::manifest::Manifest;
use crate::object_files::ObjectFiles;

/// The age at which a file that no manifest names is deleted. Too low and a file that is still being written is; too high
/// and they take space.
const ORPHAN_AGE: Duration = Duration::from_hours(24);

/// Files that the newest manifest does not name.
///
/// # Errors
/// When the object store does not reply, or with an error.
pub async fn orphans(
    files: &ObjectFiles,
    manifest: Option<&Manifest>,
) -> Result<Vec<(String, SystemTime)>, ArchiveError> {
    let mut listed = files.list(FOLDER).await?;
    listed.extend(files.list(REPLACED_FOLDER).await?);
    let named = manifest.into_iter().flat_map(Manifest::all_files);
    let named: BTreeSet<_> = named.map(|file| file.path.as_str()).collect();
    let orphans = listed.into_iter().filter(|found| !named.contains(found.location.as_ref()));
    Ok(orphans.map(|it| (it.location.to_string(), it.last_modified.into())).collect())
}

/// Deletes old files that the manifest does not name, and old temporary files of a directory; gives their number. (An upload
/// to a bucket that was not completed is deleted by a rule of the bucket.)
pub(super) async fn sweep(files: &ObjectFiles, manifest: &Manifest) -> Result<u64, ArchiveError> {
    let old = SystemTime::now() - ORPHAN_AGE;
    let mut swept = 0;
    for (path, modified) in orphans(files, Some(manifest)).await? {
        if modified < old {
            files.delete(&path).await?;
            swept += 1;
        }
    }
    if let ArchiveUrl::Directory(directory) = files.url() {
        let folders = [FOLDER, REPLACED_FOLDER, "manifest"].map(|it| directory.join(it)).into();
        let swept_here = tokio::task::spawn_blocking(move || sweep_temporary(folders, old)).await;
        swept += swept_here.unwrap_or_default();
    }
    Ok(swept)
}

/// A name that `object_store` gives to a file until it is complete: a number sign and digits after its own.
fn is_temporary(name: &str) -> bool {
    let number = name.rsplit_once('#').map(|(_, number)| number);
    number.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()))
}

fn sweep_temporary(mut folders: Vec<PathBuf>, old: SystemTime) -> u64 {
    let mut swept = 0;
    while let Some(folder) = folders.pop() {
        // Err: it is not there yet, or not any more.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if is_temporary(&entry.file_name().to_string_lossy())
                && metadata.modified().is_ok_and(|modified| modified < old)
                && std::fs::remove_file(entry.path()).is_ok()
            {
                swept += 1;
            }
        }
    }
    swept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_ended_process_is_swept_once_it_is_old() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("readings/month=2024-01");
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["a.parquet", "b.parquet#1"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let all = || vec![directory.path().to_owned()];
        assert_eq!(sweep_temporary(all(), SystemTime::now() - ORPHAN_AGE), 0);
        assert_eq!(sweep_temporary(all(), SystemTime::now() + ORPHAN_AGE), 1);
        assert!(folder.join("a.parquet").exists() && !folder.join("b.parquet#1").exists());
    }
}
