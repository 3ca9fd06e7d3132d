//! Late readings of archived days, where a command brings these back into Redis and the archiver may not run any more.

use std::sync::Arc;

use readings::store::archive::DayArchive;
use readings::store::deletion::ReadingDeleter;
use readings::store::series::SeriesStore;
use readings::store::stream::StreamPartitions;

use crate::console;

/// Compares late readings of archived days with the archived ones (`DEDUP_POLICY`), as the archiver does. An error is only
/// printed, as the next command or run compares what is left.
pub async fn compare(partitions: &StreamPartitions, archive: Arc<dyn DayArchive>) {
    let series = SeriesStore::new(partitions.connection().clone()).with_archive(Some(archive));
    let deleter = ReadingDeleter::new(partitions.clone(), series);
    loop {
        match deleter.compare_late_readings().await {
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => {
                let what = "late readings are not compared with archived ones yet (DEDUP_POLICY)";
                return console::eprint(format_args!("{what}: {error}"));
            }
        }
    }
}
