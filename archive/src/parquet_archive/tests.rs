//! Files, manifests and questions on a disk.

use readings::SiteId;
use readings::energy::rollup::Day;
use readings::store::packed::{Contents, PackedMembers};

use super::*;
use crate::archive_url::ArchiveUrl;
use crate::file_writer::FileWriter;
use crate::row::Row;
use readings::store::PartitionCount;

/// 2024-01-01.
const FIRST_DAY: i32 = 19_723;

struct Disk {
    archive: ParquetArchive,
    directory: tempfile::TempDir,
}

fn site(name: &str) -> SiteId {
    SiteId::new(name).unwrap()
}

/// The members of a day, one a minute of each of two devices.
fn members(site: &str, day: i32) -> Vec<Vec<u8>> {
    let start = Day::from_number(day).start().epoch_micros();
    let member = |minute: i64, device: &str| {
        let micros = start + minute * 60_000_000;
        let time = chrono::DateTime::from_timestamp_micros(micros).unwrap();
        let time = time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let (ms, power) = (micros / 1_000 + 7, 100 + minute);
        format!(
            r#"{{"stream_id": "{ms}-{device}", "site_id": "{site}", "device_id": "meter-{device}", "power_reading": {power}.5, "timestamp": "{time}", "ingested_at": "{}.123456"}}"#,
            &time[..19]
        )
        .into_bytes()
    };
    (0..1_440).flat_map(|minute| ["0", "1"].map(|device| member(minute, device))).collect()
}

impl Disk {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = ArchiveUrl::Directory(directory.path().to_owned());
        Self { archive: ParquetArchive::new(ObjectFiles::open(url).unwrap()), directory }
    }

    /// Writes a file with these days of these sites, and commits it in place of others.
    async fn write(&self, sites: &[&str], days: [i32; 2], replaced: &[ArchiveFile]) -> ArchiveFile {
        let of_site = |name: &&str| {
            let members = (days[0]..=days[1]).flat_map(|day| members(name, day));
            (site(name), members.collect())
        };
        let sites: Vec<_> = sites.iter().map(of_site).collect();
        self.write_members(&sites, days, replaced).await
    }

    async fn write_members(
        &self,
        sites: &[(SiteId, Vec<Vec<u8>>)],
        days: [i32; 2],
        replaced: &[ArchiveFile],
    ) -> ArchiveFile {
        let days = days.map(Day::from_number);
        let mut writer = FileWriter::create(self.archive.files(), 0, days).unwrap();
        for (site, members) in sites {
            let rows = members.iter().map(|member| Row::of_member(member).unwrap());
            writer.push(site, rows.collect()).await.unwrap();
        }
        let file = writer.finish().await.unwrap().unwrap();
        let newest = self.archive.manifests().read().await.unwrap();
        let newest = newest.map_or_else(
            || Manifest::new("test".to_owned(), PartitionCount::ONE),
            |newest| newest.as_ref().clone(),
        );
        let next = newest.replacing(replaced, Some(file.clone()));
        self.archive.manifests().commit(next).await.unwrap().unwrap();
        file
    }

    async fn day(&self, name: &str, day: i32) -> Result<Vec<Vec<u8>>, ArchiveError> {
        let found = self.archive.members(&site(name), &[expected(name, day)]).await?;
        Ok(found.iter().flat_map(PackedMembers::iter).map(<[u8]>::to_vec).collect())
    }

    async fn samples(&self, name: &str, days: std::ops::Range<i32>) -> Vec<DeviceSample> {
        let days: Vec<_> = days.map(|day| expected(name, day)).collect();
        self.archive.samples(&site(name), &days).await.unwrap()
    }

    /// Writes a file of replaced readings of a day, and commits it with the newest manifest.
    async fn replace(&self, name: &str, day: i32, members: &[Vec<u8>]) {
        let days = [Day::from_number(day); 2];
        let mut writer = FileWriter::create_replaced(self.archive.files(), 0, days).unwrap();
        let rows = members.iter().map(|member| Row::of_member(member).unwrap()).collect();
        writer.push(&site(name), rows).await.unwrap();
        let file = writer.finish().await.unwrap();
        let newest = self.archive.manifests().read().await.unwrap().unwrap();
        let next = newest.replacing(&[], None).keeping(file);
        self.archive.manifests().commit(next).await.unwrap().unwrap();
    }
}

/// A day with what its header says.
fn expected(name: &str, day: i32) -> (Day, Contents) {
    (Day::from_number(day), contents(&members(name, day)))
}

fn contents(members: &[Vec<u8>]) -> Contents {
    PackedMembers::from_sorted(members.iter().map(Vec::as_slice)).contents()
}

#[tokio::test]
async fn the_members_of_a_day_are_read_byte_for_byte_in_their_order() {
    let disk = Disk::new();
    let sites: Vec<String> = (0..24).map(|number| format!("site-{number:02}")).collect();
    let sites: Vec<&str> = sites.iter().map(String::as_str).collect();
    disk.write(&sites, [FIRST_DAY, FIRST_DAY], &[]).await;
    for name in ["site-00", "site-11", "site-23"] {
        assert_eq!(disk.day(name, FIRST_DAY).await.unwrap(), members(name, FIRST_DAY), "{name}");
    }
    assert!(disk.day("site-24", FIRST_DAY).await.unwrap().is_empty());
    assert!(disk.day("site-00", FIRST_DAY + 1).await.is_err());
}

#[tokio::test]
async fn texts_that_do_not_follow_from_instants_are_read_byte_for_byte() {
    let disk = Disk::new();
    let odd = [
        ("20240101T000000,25+0000", "soon"),
        ("2024-01-01T01:00:00.500+01:00", "2024-01-15T10:30:01"),
        ("2024-01-01T00:00:01Z", "2024-01-15T10:30:01.123456"),
    ];
    let odd = odd.map(|(timestamp, accepted)| {
        format!(
            r#"{{"stream_id": "7-1", "site_id": "a", "device_id": "d\u00fc", "power_reading": 1e-05, "timestamp": "{timestamp}", "ingested_at": "{accepted}"}}"#
        )
        .into_bytes()
    });
    let sites = [(site("a"), odd.to_vec())];
    disk.write_members(&sites, [FIRST_DAY, FIRST_DAY], &[]).await;
    let day = [(Day::from_number(FIRST_DAY), contents(&odd))];
    let found = disk.archive.members(&site("a"), &day).await.unwrap();
    assert_eq!(found[0].iter().collect::<Vec<_>>(), odd);
}

#[tokio::test]
async fn days_of_several_files_are_read_in_the_order_in_which_they_are_asked_for() {
    let disk = Disk::new();
    disk.write(&["a", "b"], [FIRST_DAY, FIRST_DAY + 2], &[]).await;
    disk.write(&["a", "b"], [FIRST_DAY + 3, FIRST_DAY + 3], &[]).await;
    let days = [3, 0, 2].map(|day| expected("b", FIRST_DAY + day));
    let found = disk.archive.members(&site("b"), &days).await.unwrap();
    for (found, (day, _)) in found.iter().zip(days) {
        assert_eq!(
            found.iter().map(<[u8]>::to_vec).collect::<Vec<_>>(),
            members("b", day.number())
        );
    }
}

#[tokio::test]
async fn samples_are_those_of_the_days_in_the_order_of_instants() {
    let disk = Disk::new();
    disk.write(&["a", "b", "c"], [FIRST_DAY, FIRST_DAY + 9], &[]).await;
    disk.write(&["b"], [FIRST_DAY + 10, FIRST_DAY + 10], &[]).await;
    let samples = disk.samples("b", FIRST_DAY + 8..FIRST_DAY + 11).await;
    assert_eq!(samples.len(), 3 * 2_880);
    assert!(samples.is_sorted_by_key(|found| found.sample.instant));
    assert_eq!(&*samples[1].device, "meter-1");
    assert_eq!(samples[2].sample.watts.to_bits(), 101.5_f64.to_bits());
}

#[tokio::test]
async fn a_reader_sees_the_file_that_has_replaced_one() {
    let disk = Disk::new();
    let first = disk.write(&["a"], [FIRST_DAY, FIRST_DAY], &[]).await;
    assert_eq!(disk.day("a", FIRST_DAY).await.unwrap().len(), 2_880);
    let Disk { archive: reader, directory } = disk;
    let writer = Disk { archive: ParquetArchive::new(reader.files().clone()), directory };
    writer.write(&["a"], [FIRST_DAY, FIRST_DAY + 1], std::slice::from_ref(&first)).await;
    std::fs::remove_file(writer.directory.path().join(&first.path)).unwrap();
    let days = [expected("a", FIRST_DAY + 1)];
    assert_eq!(reader.members(&site("a"), &days).await.unwrap()[0].len(), 2_880);
}

#[tokio::test]
async fn a_header_of_before_a_change_is_answered_with_the_readings_of_then() {
    let (disk, day) = (Disk::new(), FIRST_DAY + 1);
    disk.write(&["a", "b"], [FIRST_DAY, FIRST_DAY + 2], &[]).await;
    let newest = members("a", day);
    let fewer = newest[1..].to_vec();
    // As many as there are now, of which one was another.
    let mut other = newest.clone();
    other[7] = String::from_utf8(newest[7].clone()).unwrap().replace(".5,", ".25,").into_bytes();
    for replaced in [&fewer, &other] {
        disk.replace("a", day, replaced).await;
    }
    for then in [&fewer, &other, &newest] {
        let days = [
            expected("a", FIRST_DAY),
            (Day::from_number(day), contents(then)),
            expected("a", FIRST_DAY + 2),
        ];
        let found = disk.archive.members(&site("a"), &days).await.unwrap();
        assert!(found[1].iter().eq(then.iter().map(Vec::as_slice)));
        assert!(found[0].are(&days[0].1) && found[2].are(&days[2].1));
        let samples = disk.archive.samples(&site("a"), &days).await.unwrap();
        assert_eq!(samples.len(), 2 * 2_880 + then.len());
        assert!(samples.is_sorted_by_key(|found| found.sample.instant));
        let has_other = samples.iter().any(|found| found.sample.watts.fract() < 0.5);
        assert_eq!(has_other, *then == other);
    }
    // Readings of the same site that no file has, and no replaced one.
    let unknown = [(Day::from_number(day), contents(&members("b", day)))];
    let found = disk.archive.members(&site("a"), &unknown).await.unwrap();
    assert!(!found[0].are(&unknown[0].1));
}

#[tokio::test]
async fn a_lost_or_damaged_file_is_an_error_and_never_a_shorter_answer() {
    let disk = Disk::new();
    let file = disk.write(&["a"], [FIRST_DAY, FIRST_DAY], &[]).await;
    let path = disk.directory.path().join(&file.path);
    let content = std::fs::read(&path).unwrap();
    let changed = {
        let mut changed = content.clone();
        changed[content.len() / 2] ^= 0xff;
        changed
    };
    for damaged in [Some(&content[..content.len() - 1]), Some(b"".as_slice()), None] {
        match damaged {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let opened = ParquetArchive::new(disk.archive.files().clone());
        let error = opened.members(&site("a"), &[expected("a", FIRST_DAY)]).await.unwrap_err();
        assert!(error.to_string().contains(&file.path), "{error}");
    }
    std::fs::write(&path, changed).unwrap();
    let found = disk.day("a", FIRST_DAY).await;
    assert!(found.is_err() || found.is_ok_and(|found| found != members("a", FIRST_DAY)));
}

#[tokio::test]
async fn of_two_commits_of_one_number_the_second_fails() {
    let disk = Disk::new();
    let [first, second] = ["first", "second"]
        .map(|name| Manifest::new(name.to_owned(), PartitionCount::ONE).replacing(&[], None));
    let other = Manifests::new(disk.archive.files().clone());
    assert!(disk.archive.manifests().commit(first).await.unwrap().is_some());
    assert!(other.commit(second).await.unwrap().is_none());
}

/// As when the response to the first request is lost.
#[tokio::test]
async fn a_commit_that_is_repeated_is_committed() {
    let disk = Disk::new();
    let manifest = Manifest::new("test".to_owned(), PartitionCount::ONE).replacing(&[], None);
    for _ in 0..2 {
        let committed = disk.archive.manifests().commit(manifest.clone()).await.unwrap();
        assert_eq!(committed.as_deref(), Some(&manifest));
    }
}
