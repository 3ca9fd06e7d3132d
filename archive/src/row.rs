//! A reading as a row of a file.
//!
//! Of the texts of a reading those are left out that follow from an instant, as nearly all do. Each member can be written
//! again byte for byte: it is a pure function of the entry, and packed members are exactly those for which this holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use readings::energy::rollup::Day;
use readings::store::StreamId;
use readings::store::codec::{self, StreamEntry};
use readings::store::packed::PackedMembers;
use readings::{DeviceId, Instant, Power, Reading, SiteId, Timestamp};

/// A reading of a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The device.
    pub device: Arc<str>,
    /// Microseconds since the epoch of its timestamp.
    pub instant: i64,
    /// The id of its entry.
    pub id: StreamId,
    /// Watts.
    pub power: f64,
    /// Microseconds since the epoch at which it was accepted, where the text is a time.
    pub ingested_at: Option<i64>,
    /// The text of the timestamp, unless it follows from the instant.
    pub timestamp_text: Option<String>,
    /// The text of the time at which it was accepted, unless it follows from that.
    pub ingested_at_text: Option<String>,
}

impl Row {
    /// The row of a member; `None` for one that could not be restored byte for byte.
    #[must_use]
    pub fn of_member(member: &[u8]) -> Option<Self> {
        let StreamEntry { id, reading, ingested_at } = codec::entry_of(member)?;
        let instant = reading.timestamp.instant().epoch_micros();
        let timestamp = Some(reading.timestamp.as_str()).filter(|it| *it != usual_time(instant));
        let accepted = Timestamp::parse(ingested_at.as_str()).ok();
        let accepted = accepted.map(|time| time.instant().epoch_micros());
        let is_usual = accepted.and_then(usual_ingestion).is_some_and(|usual| usual == ingested_at);
        let row = Self {
            device: reading.device_id.as_str().into(),
            instant,
            id,
            power: reading.power.watts(),
            ingested_at: accepted,
            timestamp_text: timestamp.map(str::to_owned),
            ingested_at_text: (!is_usual).then_some(ingested_at),
        };
        // Once it is in a file, the member is removed from Redis.
        (row.member(&reading.site_id)? == member).then_some(row)
    }

    /// The member of the sorted set; `None` for a row that no member has.
    #[must_use]
    pub fn member(&self, site: &SiteId) -> Option<Vec<u8>> {
        let timestamp = self.timestamp_text.clone().unwrap_or_else(|| usual_time(self.instant));
        let ingested_at = match &self.ingested_at_text {
            Some(text) => text.clone(),
            None => usual_ingestion(self.ingested_at?)?,
        };
        let reading = Reading {
            site_id: site.clone(),
            device_id: DeviceId::new(Arc::clone(&self.device))?,
            power: Power::of_stored(self.power).ok()?,
            timestamp: Timestamp::parse(timestamp).ok()?,
        };
        Some(codec::member(&StreamEntry { id: self.id, reading, ingested_at }))
    }

    /// The day of its timestamp.
    pub(crate) fn day(&self) -> Day {
        Day::of(Instant::from_epoch_micros(self.instant))
    }

    /// The order of the rows of a site in a file.
    pub(crate) fn file_order(&self) -> (&str, i64, StreamId) {
        (&self.device, self.instant, self.id)
    }
}

/// Rows by their days.
pub(crate) fn by_day(rows: Vec<Row>) -> BTreeMap<Day, Vec<Row>> {
    let mut days: BTreeMap<Day, Vec<Row>> = BTreeMap::new();
    for row in rows {
        days.entry(row.day()).or_default().push(row);
    }
    days
}

/// The members of rows of a site; `None` where a row has none.
pub(crate) fn members(site: &SiteId, rows: &[Row]) -> Option<PackedMembers> {
    let member = |row: &Row| Some((row.instant, row.id, row.member(site)?));
    let mut members = rows.iter().map(member).collect::<Option<Vec<_>>>()?;
    members.sort_unstable();
    Some(PackedMembers::from_sorted(members.iter().map(|(.., member)| member.as_slice())))
}

/// The usual text of a timestamp: UTC, with as many digits of a fraction as it needs.
fn usual_time(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn usual_ingestion(micros: i64) -> Option<String> {
    DateTime::from_timestamp_micros(micros).map(codec::ingestion_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(timestamp: &str, ingested_at: &str) -> Vec<u8> {
        format!(
            r#"{{"stream_id": "1-{}", "site_id": "house", "device_id": "d\u00fc", "power_reading": 1e-05, "timestamp": "{timestamp}", "ingested_at": "{ingested_at}"}}"#,
            u64::MAX
        )
        .into_bytes()
    }

    #[test]
    fn each_member_is_restored_byte_for_byte() {
        let site = SiteId::new("house").unwrap();
        let times = [
            "2024-01-15T10:30:00Z",
            "2024-01-15T10:30:00.5Z",
            "2024-01-15T10:30:00.500Z",
            "0001-01-01",
            "2024-01-15T10:30:00.123456Z",
            "2024-01-15T10:30:00+00:00",
            "20240115T103000,25+0530",
            "2024-W03-1T10",
        ];
        let accepted = [
            "2024-01-15T10:30:01.123456",
            "2024-01-15T10:30:01",
            "",
            "soon",
            "2024-01-15T10:30:01.123456Z",
        ];
        for (time, accepted) in times.iter().flat_map(|time| accepted.map(|it| (time, it))) {
            let member = member(time, accepted);
            let row = Row::of_member(&member).unwrap();
            let restored = row.member(&site).unwrap();
            assert_eq!(String::from_utf8(restored), String::from_utf8(member));
        }
    }

    #[test]
    fn the_texts_of_usual_readings_are_left_out() {
        let row = Row::of_member(&member("2024-01-15T10:30:00.500Z", "2024-01-15T10:30:01.123456"));
        let row = row.unwrap();
        assert_eq!((row.timestamp_text, row.ingested_at_text), (None, None));
        assert_eq!(row.instant, 1_705_314_600_500_000);
    }

    #[test]
    fn a_member_of_another_form_has_no_row() {
        let compact = String::from_utf8(member("2024-01-15", "")).unwrap().replace(": ", ":");
        assert_eq!(Row::of_member(compact.as_bytes()), None);
    }
}
