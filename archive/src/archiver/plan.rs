//! Which files are written for the days that are due.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, Months, NaiveDate};
use readings::energy::rollup::Day;
use readings::{Instant, SiteId};

use crate::manifest::{ArchiveFile, Manifest};

/// The days of sites.
pub type SiteDaySet = BTreeMap<SiteId, BTreeSet<Day>>;

/// How many days there are, of all sites.
#[must_use]
pub fn count(days: &SiteDaySet) -> u64 {
    days.values().map(|days| days.len() as u64).sum()
}

/// One file that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The partition of its sites.
    pub partition: u16,
    /// The first and the last day that it may have.
    pub days: [Day; 2],
    /// The files whose place it takes.
    pub inputs: Vec<ArchiveFile>,
    /// What is added to them, or removed from them.
    pub due: SiteDaySet,
}

/// The files to write so that the archive has these days: one a day until the month is over, and one a month then. Days
/// before `cut` are due. A file that has a day already is replaced whole, so of a partition no two files have the same day.
#[must_use]
pub fn jobs(manifest: &Manifest, due: SiteDaySet, cut: Day) -> Vec<Job> {
    let mut months: BTreeMap<(u16, Day), SiteDaySet> = BTreeMap::new();
    for (site, days) in due {
        let partition = manifest.partition_of(&site);
        for day in days {
            let of_month = months.entry((partition, month_of(day)[0])).or_default();
            of_month.entry(site.clone()).or_default().insert(day);
        }
    }
    for file in &manifest.files {
        let first = month_of(Day::from_number(file.first_day))[0];
        months.entry((file.partition, first)).or_default();
    }
    let of_month = |((partition, first), due)| {
        let days = month_of(first);
        let within = |file: &&ArchiveFile| {
            file.partition == partition
                && days[0].number() <= file.first_day
                && file.first_day <= days[1].number()
        };
        let files: Vec<_> = manifest.files.iter().filter(within).cloned().collect();
        if days[1] < cut {
            of_whole_month(partition, days, files, due)
        } else {
            by_day(partition, &files, due)
        }
    };
    months.into_iter().flat_map(of_month).collect()
}

fn of_whole_month(
    partition: u16,
    days: [Day; 2],
    inputs: Vec<ArchiveFile>,
    due: SiteDaySet,
) -> Vec<Job> {
    let is_merged = matches!(inputs.as_slice(), [file] if [file.first_day, file.last_day] == days.map(Day::number));
    let is_needed = !due.is_empty() || !(inputs.is_empty() || is_merged);
    if is_needed { vec![Job { partition, days, inputs, due }] } else { Vec::new() }
}

fn by_day(partition: u16, files: &[ArchiveFile], due: SiteDaySet) -> Vec<Job> {
    let mut jobs: BTreeMap<Day, Job> = BTreeMap::new();
    for (site, days) in due {
        for day in days {
            let input = files.iter().find(|file| file.has(day));
            let range = input
                .map_or([day, day], |file| [file.first_day, file.last_day].map(Day::from_number));
            let inputs = || input.cloned().into_iter().collect();
            let job = jobs.entry(range[0]).or_insert_with(|| Job {
                partition,
                days: range,
                inputs: inputs(),
                due: SiteDaySet::new(),
            });
            job.due.entry(site.clone()).or_default().insert(day);
        }
    }
    jobs.into_values().collect()
}

/// The first and the last day of the month of a day.
#[must_use]
pub fn month_of(day: Day) -> [Day; 2] {
    let date =
        DateTime::from_timestamp_micros(day.start().epoch_micros()).map(|it| it.date_naive());
    let first = date.and_then(|date| date.with_day(1));
    let next = first.and_then(|first| first.checked_add_months(Months::new(1)));
    let number = |date: NaiveDate| {
        let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc();
        Day::of(Instant::from_epoch_micros(midnight.timestamp_micros()))
    };
    match first.zip(next) {
        Some((first, next)) => {
            [number(first), Day::from_number(number(next).number().saturating_sub(1))]
        }
        None => [day, day],
    }
}

#[cfg(test)]
mod tests {
    use readings::store::PartitionCount;

    use super::*;

    fn day(text: &str) -> Day {
        let date: NaiveDate = text.parse().unwrap();
        let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc();
        Day::of(Instant::from_epoch_micros(midnight.timestamp_micros()))
    }

    fn due(days: &[&str]) -> SiteDaySet {
        let days = days.iter().map(|text| day(text)).collect();
        [(SiteId::new("house").unwrap(), days)].into()
    }

    fn file(first: &str, last: &str) -> ArchiveFile {
        let [first_day, last_day] = [first, last].map(|text| day(text).number());
        let path = format!("{first}..{last}");
        ArchiveFile {
            path,
            partition: 0,
            first_day,
            last_day,
            rows: 1,
            sites: 1,
            bytes: 1,
            checksum: 0,
        }
    }

    fn manifest(files: Vec<ArchiveFile>) -> Manifest {
        Manifest { files, ..Manifest::new("test".to_owned(), PartitionCount::ONE) }
    }

    fn ranges(jobs: &[Job]) -> Vec<String> {
        let range = |job: &Job| format!("{}..{} of {}", job.days[0], job.days[1], job.inputs.len());
        jobs.iter().map(range).collect()
    }

    #[test]
    fn a_day_has_a_file_of_its_own_until_its_month_is_over() {
        let due = due(&["2024-01-31", "2024-02-01", "2024-02-02"]);
        let jobs = jobs(&manifest(Vec::new()), due, day("2024-02-03"));
        let expected = [
            "2024-01-01..2024-01-31 of 0",
            "2024-02-01..2024-02-01 of 0",
            "2024-02-02..2024-02-02 of 0",
        ];
        assert_eq!(ranges(&jobs), expected);
    }

    #[test]
    fn the_files_of_a_month_that_is_over_become_one() {
        let files = vec![file("2024-02-01", "2024-02-01"), file("2024-02-02", "2024-02-02")];
        let none = SiteDaySet::new();
        assert!(jobs(&manifest(files.clone()), none.clone(), day("2024-02-29")).is_empty());
        let merged = jobs(&manifest(files), none.clone(), day("2024-03-01"));
        assert_eq!(ranges(&merged), ["2024-02-01..2024-02-29 of 2"]);
        let month = manifest(vec![file("2024-02-01", "2024-02-29")]);
        assert!(jobs(&month, none, day("2024-03-01")).is_empty());
    }

    #[test]
    fn a_late_day_replaces_the_file_that_has_it() {
        let files =
            manifest(vec![file("2024-01-01", "2024-01-31"), file("2024-02-02", "2024-02-02")]);
        let due = due(&["2024-01-07", "2024-02-02"]);
        let expected = ["2024-01-01..2024-01-31 of 1", "2024-02-02..2024-02-02 of 1"];
        assert_eq!(ranges(&jobs(&files, due, day("2024-02-10"))), expected);
    }
}
