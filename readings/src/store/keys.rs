//! The names of all Redis keys; no other file has a key literal.

use super::partition::Partition;
use crate::reading::SiteId;

/// The keys of one partition of the stream, and its consumer group.
#[derive(Debug, Clone)]
pub struct Keys {
    /// `REDIS_STREAM`, which all partitions share.
    base: String,
    /// The partition's stream.
    stream: String,
    group: String,
    partition: Partition,
    /// Whether the keys that change together with the stream are in its hash slot, as a Redis Cluster requires.
    in_one_slot: bool,
}

impl Keys {
    /// Names the stream (`REDIS_STREAM`) and the consumer group (`CONSUMER_GROUP`).
    #[must_use]
    pub fn new(stream: impl Into<String>, group: impl Into<String>) -> Self {
        let stream = stream.into();
        let (base, partition) = (stream.clone(), Partition::Whole);
        Self { base, stream, group: group.into(), partition, in_one_slot: false }
    }

    /// The same keys for a Redis Cluster, where a script may change keys of one hash slot only.
    #[must_use]
    pub fn in_one_slot(self) -> Self {
        Self { in_one_slot: true, ..self }
    }

    /// Whether they are for a Redis Cluster.
    #[must_use]
    pub const fn are_in_one_slot(&self) -> bool {
        self.in_one_slot
    }

    /// The keys of a partition.
    #[must_use]
    pub fn of_partition(&self, partition: Partition) -> Self {
        let base = &self.base;
        let stream = match partition {
            Partition::Whole => base.clone(),
            Partition::Numbered(number) => format!("{base}:{{{number}}}"),
        };
        Self { stream, partition, ..self.clone() }
    }

    /// The partition.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.partition
    }

    /// The stream of accepted readings, or of those of this partition.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// The consumer group of the processing services.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The stream of dead letters.
    #[must_use]
    pub fn dead_letters(&self) -> String {
        self.beside_stream("dead")
    }

    /// The dead-lettered ids, as they were in the stream of readings: a sorted set, scored by their
    /// milliseconds.
    #[must_use]
    pub fn dead_lettered_ids(&self) -> String {
        format!("{}:ids", self.dead_letters())
    }

    /// The rejected rows of one window of time that have dead letters: a hash. Its name has the form of
    /// [`Keys::idempotency`], so that users which may write those may write it.
    #[must_use]
    pub fn rejected_rows(&self, window: u64) -> String {
        format!("{}:rejected-rows:{window}", in_slot_of(&self.stream))
    }

    /// The deleted ids of the partition's entries: a sorted set, scored by their milliseconds.
    #[must_use]
    pub fn deleted_ids(&self) -> String {
        self.beside_stream("deleted")
    }

    /// The site index of all partitions: a sorted set, all scores 0, so that it is ordered by bytes.
    #[must_use]
    pub fn sites(&self) -> String {
        format!("{}:sites", self.base)
    }

    /// The consumer instances: a sorted set, scored by their last heartbeats.
    #[must_use]
    pub fn consumer_instances(&self) -> String {
        self.beside_stream("consumer-instances")
    }

    /// The idempotency keys of one window and shard: a hash, in the hash slot of the stream, as one script
    /// writes both.
    #[must_use]
    pub fn idempotency(&self, window: u64, shard: u16) -> String {
        format!("{}:idempotency:{window}:{shard}", in_slot_of(&self.stream))
    }

    /// What the receivers of all processes accepted: a hash, its fields the receivers. Where the Ingestion API may write
    /// hashes.
    #[must_use]
    pub fn receivers(&self) -> String {
        format!("{}:receivers", in_slot_of(&self.base))
    }

    /// What is known of the archive as a whole: a hash.
    #[must_use]
    pub fn archive(&self) -> String {
        format!("{}:archive", self.base)
    }

    /// The uncompared days of all sites: a sorted set, scored by the milliseconds of stream ids.
    #[must_use]
    pub fn uncompared_days(&self) -> String {
        format!("{}:uncompared", self.base)
    }

    /// The last runs of packing and archiving: a hash, its fields [`packing_run`] of each consumer, and [`ARCHIVING_RUN`].
    #[must_use]
    pub fn tier_runs(&self) -> String {
        format!("{}:tier-runs", self.base)
    }

    /// The numbers of partitions in use: a hash. Where the Ingestion API may write hashes.
    #[must_use]
    pub fn partition_counts(&self) -> String {
        format!("{}:partitions", in_slot_of(&self.base))
    }

    /// A key that never exists: a write to it that must not create it shows whether Redis accepts writes.
    #[must_use]
    pub fn probe(&self) -> String {
        self.beside_stream("probe")
    }

    /// A key that is set before replicas are waited for, so that there is a write that they acknowledge.
    #[must_use]
    pub fn replica_mark(&self) -> String {
        format!("{}:replicated", self.base)
    }

    /// A key that is changed together with the stream.
    fn beside_stream(&self, name: &str) -> String {
        let stream = &self.stream;
        if self.in_one_slot {
            format!("{}:{name}", in_slot_of(stream))
        } else {
            format!("{stream}:{name}")
        }
    }
}

/// The field of the last run of archiving.
pub(super) const ARCHIVING_RUN: &str = "archiving";

/// What the fields of runs of packing begin with; the consumer follows.
const PACKING_RUN: &str = "packing ";

/// The field of the last run of packing of a consumer.
pub(super) fn packing_run(consumer: &str) -> String {
    format!("{PACKING_RUN}{consumer}")
}

/// The consumer of such a field; `None` for another one.
pub(super) fn consumer_of_packing_run(field: &str) -> Option<&str> {
    field.strip_prefix(PACKING_RUN)
}

/// A key as the beginning of others in its hash slot.
fn in_slot_of(key: &str) -> String {
    if key.contains('{') { key.to_owned() } else { format!("{{{key}}}") }
}

/// The sorted set of a site's readings; the name is the original's.
#[must_use]
pub fn series(site: &SiteId) -> String {
    format!("site:{site}:readings")
}

/// The packed days of a site: a hash, its fields the numbers of UTC days, its values their members, compressed. In the
/// hash slot of the sorted set, as one script moves members between both.
#[must_use]
pub fn packed(site: &SiteId) -> String {
    beside_series(site, "packed")
}

/// What is known of a site's packed and archived days: a hash, its fields the numbers of UTC days, [`DAYS_VERSION`],
/// [`DAYS_SUMMARY`] and [`PACKING_LEASE`]. In the hash slot of the sorted set.
#[must_use]
pub fn days(site: &SiteId) -> String {
    beside_series(site, "days")
}

/// The field of the version of a site's days, a number that each change increases.
pub(super) const DAYS_VERSION: &str = "version";

/// The field of the lease of the process that packs a site: its token, and the microsecond at which it expires.
pub(super) const PACKING_LEASE: &str = "lease";

/// The field of the summary of a site's days, and the version that it is of.
pub(super) const DAYS_SUMMARY: &str = "summary";

/// Whether keys exist that are in the hash slot of a site's sorted set in each Redis Cluster: days of no other site are
/// packed. None exists where the id has a closing brace and the name no hash tag of its own.
#[must_use]
pub fn can_be_packed(site: &SiteId) -> bool {
    let series = series(site);
    has_hash_tag(&series) || !series.contains('}')
}

/// A key in the hash slot of a site's sorted set.
fn beside_series(site: &SiteId, name: &str) -> String {
    let series = series(site);
    if has_hash_tag(&series) {
        format!("{series}:{name}")
    } else {
        format!("site:{{{series}}}:{name}")
    }
}

/// Whether the hash slot of a key is that of a part of it (Redis Cluster specification, hash tags).
fn has_hash_tag(key: &str) -> bool {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    tag.is_some_and(|(tag, _)| !tag.is_empty())
}

/// A pattern that the sorted sets and the days of all sites match.
pub(super) const fn all_series_and_days() -> &'static str {
    "site:*:readings*"
}

/// The site of a sorted set's name; `None` for a name of another form.
pub(super) fn site_of_series(key: &str) -> Option<SiteId> {
    SiteId::new(key.strip_prefix("site:")?.strip_suffix(":readings")?)
}

/// The site of the name of its days; `None` for a name of another form.
pub(super) fn site_of_days(key: &str) -> Option<SiteId> {
    let beside = key.strip_suffix(":days")?;
    let tagged = beside.strip_prefix("site:{").and_then(|rest| rest.strip_suffix('}'));
    site_of_series(tagged.unwrap_or(beside)).filter(|site| days(site) == key)
}

/// The rollups of a site: a hash, its fields the numbers of UTC days and [`ROLLUP_GENERATION`].
#[must_use]
pub fn rollups(site: &SiteId) -> String {
    format!("site:{site}:rollups")
}

/// The field of a site's rollup generation, a number that each removal of readings increases.
pub(super) const ROLLUP_GENERATION: &str = "generation";

/// As [`ABSENT_SERIES`], of rollups.
pub(super) const ABSENT_ROLLUPS: &str = "site::rollups";

/// As [`ABSENT_SERIES`], of days.
pub(super) const ABSENT_DAYS: &str = "site:{site::readings}:days";

/// As [`ABSENT_SERIES`], of packed days.
pub(super) const ABSENT_PACKED: &str = "site:{site::readings}:packed";

/// A key in the form of a site's that belongs to none, as a site's id is not empty: permissions for the
/// keys of sites are probed with it.
pub(super) const ABSENT_SERIES: &str = "site::readings";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_partition_has_the_keys_of_the_original() {
        let keys = Keys::new("energy_readings", "group");
        assert_eq!(keys.of_partition(Partition::Whole).stream(), "energy_readings");
        assert_eq!(keys.dead_letters(), "energy_readings:dead");
        assert_eq!(keys.idempotency(7, 3), "{energy_readings}:idempotency:7:3");
    }

    #[test]
    fn the_days_of_a_site_are_in_the_slot_of_its_readings() {
        // The part of a key that decides on its slot (Redis Cluster specification).
        fn tag(key: &str) -> &str {
            let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
            tag.map(|(tag, _)| tag).filter(|tag| !tag.is_empty()).unwrap_or(key)
        }
        for id in ["house", "a{b}c", "a{b", "{", "a{}b{c}", "{house}", "a}b", "a{}b", "}"] {
            let site = SiteId::new(id).unwrap();
            let is_same =
                [packed(&site), days(&site)].iter().all(|key| tag(key) == tag(&series(&site)));
            assert_eq!(is_same, can_be_packed(&site), "{id}");
            assert_eq!(site_of_days(&days(&site)), Some(site), "{id}");
        }
        assert_eq!(packed(&SiteId::new("house").unwrap()), "site:{site:house:readings}:packed");
    }

    #[test]
    fn other_keys_are_not_the_days_of_a_site() {
        let site = SiteId::new("a{b}c").unwrap();
        let wrongly_tagged = format!("site:{{{}}}:days", series(&site));
        let others = [ABSENT_DAYS, "site:{site:a:readings}:packed", "site:a:days", &wrongly_tagged];
        for key in others {
            assert_eq!(site_of_days(key), None, "{key}");
        }
    }

    #[test]
    fn keys_that_change_with_the_stream_of_a_cluster_are_in_its_slot() {
        let keys = Keys::new("energy_readings", "group").in_one_slot();
        assert_eq!(keys.dead_lettered_ids(), "{energy_readings}:dead:ids");
        assert_eq!(keys.sites(), "energy_readings:sites");
        let third = keys.of_partition(Partition::Numbered(3));
        assert_eq!(third.stream(), "energy_readings:{3}");
        assert_eq!(third.dead_letters(), "energy_readings:{3}:dead");
        assert_eq!(third.idempotency(7, 3), "energy_readings:{3}:idempotency:7:3");
        assert_eq!(third.receivers(), "{energy_readings}:receivers");
        assert_eq!(third.of_partition(Partition::Whole).stream(), "energy_readings");
    }
}
