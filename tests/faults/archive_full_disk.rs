//! The disk of the archive is full: a run fails and names the archive, all readings are served, and the next run with room
//! archives them.

use super::support::archiving::Archived;
use super::support::packing::{PER_DAY, SITE};
use super::support::readers::Readers;
use super::support::small_disk::with_files_of;

/// The days of the site; the last is not archived.
const DAYS: usize = 3;

/// Bytes of the largest file: there is room for nothing, for a manifest, and for the beginning of a file of readings.
const ROOM: [u64; 3] = [0, 1_024, 2_048];

#[tokio::test]
async fn a_run_without_room_fails_and_the_next_archives_all() {
    for room in ROOM {
        let archived = Archived::packed(DAYS).await;
        let before = archived.union().await;
        let query = archived.query().await;
        let readers = Readers::start(query.base(), [SITE]);
        readers.wait_for_more(1).await;
        for _ in 0..2 {
            archived.expire_lease().await;
            let run = archived.command(&["archive", "run"]).through(&with_files_of(room));
            let ended = run.run().await;
            assert_eq!(ended.status.code(), Some(1), "{room}: {ended:?}");
            assert!(ended.stderr.contains(&archived.url()), "{room}: {ended:?}");
            let tiers = archived.tiers().await;
            assert_eq!(tiers.packed_members().count(), (DAYS - 1) * PER_DAY, "{room}");
            assert_eq!(archived.union().await, before, "{room}");
        }
        archived.archive_all().await;
        assert_eq!(archived.union().await, before, "{room}");
        readers.wait_for_more(1).await;
        readers.stop_without_errors(&room.to_string()).await;
    }
}
