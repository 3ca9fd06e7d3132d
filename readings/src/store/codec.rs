//! Readings as stream fields, and stream entries as sorted-set members.
//!
//! Both formats are the original's, byte for byte: each system consumes the entries of the other, and
//! an entry that the original stored without acknowledging it is stored here as the same member.

use std::borrow::Cow;
use std::io;
use std::sync::LazyLock;

use chrono::{DateTime, Datelike, Timelike, Utc};
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize, de};
use serde_json::ser::Formatter;

use super::stream_id::StreamId;
use crate::iso8601::{self, Instant, TimestampError};
use crate::power::{Power, PowerError};
use crate::reading::{DeviceId, Reading, SiteId, Timestamp};

/// A stream entry that is a valid reading.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamEntry {
    /// The entry's id.
    pub id: StreamId,
    /// The reading in it.
    pub reading: Reading,
    /// The time at which it was accepted: UTC, ISO 8601 with microseconds, without offset.
    pub ingested_at: String,
}

/// A stream entry that is not a valid reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Undecodable {
    /// The entry's id.
    pub id: StreamId,
    /// All its fields, in their order.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// The rule that it breaks.
    pub reason: DecodeError,
}

/// Why a stream entry is not a valid reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A field is missing.
    #[error("field {0} is missing")]
    Missing(&'static str),
    /// A field is not UTF-8.
    #[error("field {0} is not UTF-8 text")]
    NotText(&'static str),
    /// An id is empty.
    #[error("field {0} is empty")]
    Empty(&'static str),
    /// The power is invalid.
    #[error("field power_reading: {0}")]
    Power(#[from] PowerError),
    /// The timestamp is invalid.
    #[error("field timestamp: {0}")]
    Timestamp(#[from] TimestampError),
}

/// A time in the format of `ingested_at`: that of Python's `datetime.isoformat`, with microseconds.
#[must_use]
pub fn ingestion_time(now: DateTime<Utc>) -> String {
    const FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.6f";
    let (date, time) = (now.date_naive(), now.time());
    let micros = time.nanosecond() / 1_000;
    match u32::try_from(date.year()) {
        Ok(year @ 0..=9_999) if micros < 1_000_000 => {
            let mut text = *b"0000-00-00T00:00:00.000000";
            write_digits(&mut text[..4], year);
            write_digits(&mut text[5..7], date.month());
            write_digits(&mut text[8..10], date.day());
            write_digits(&mut text[11..13], time.hour());
            write_digits(&mut text[14..16], time.minute());
            write_digits(&mut text[17..19], time.second());
            write_digits(&mut text[20..], micros);
            // Err: never, these are digits.
            str::from_utf8(&text).unwrap_or_default().to_owned()
        }
        // A year with a sign, or a leap second. All others are written by hand: every reading has such a time, and chrono
        // takes as long for it as for parsing the reading (measured: 3,000 instructions).
        _ => now.format(FORMAT).to_string(),
    }
}

/// Writes a number in decimal, with zeros before it.
fn write_digits(text: &mut [u8], mut number: u32) {
    for digit in text.iter_mut().rev() {
        *digit += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

/// The names of the fields of a stream entry, in the order that the contract fixes.
pub const FIELD_NAMES: [&str; 5] =
    ["site_id", "device_id", "power_reading", "timestamp", "ingested_at"];

/// The fields of a new stream entry, in the order that the contract fixes.
#[must_use]
pub fn stream_fields<'a>(
    reading: &'a Reading,
    ingested_at: &'a str,
) -> [(&'static str, Cow<'a, str>); 5] {
    let [site_id, device_id, power_reading, timestamp, ingestion] = FIELD_NAMES;
    [
        (site_id, reading.site_id.as_str().into()),
        (device_id, reading.device_id.as_str().into()),
        (power_reading, reading.power.to_string().into()),
        (timestamp, reading.timestamp.as_str().into()),
        (ingestion, ingested_at.into()),
    ]
}

/// Decodes the fields of a stream entry.
pub(super) fn decode<T: AsRef<[u8]>>(
    id: StreamId,
    fields: &[(T, T)],
) -> Result<StreamEntry, Undecodable> {
    let owned = |(name, value): &(T, T)| (name.as_ref().to_vec(), value.as_ref().to_vec());
    match Fields(fields).reading(id) {
        Ok((reading, ingested_at)) => Ok(StreamEntry { id, reading, ingested_at }),
        Err(reason) => Err(Undecodable { id, fields: fields.iter().map(owned).collect(), reason }),
    }
}

/// The fields of an entry; of a repeated name the last one counts, as in a Python `dict`.
struct Fields<'a, T>(&'a [(T, T)]);

impl<T: AsRef<[u8]>> Fields<'_, T> {
    fn reading(&self, id: StreamId) -> Result<(Reading, String), DecodeError> {
        let site_id =
            SiteId::new(self.required("site_id")?).ok_or(DecodeError::Empty("site_id"))?;
        let device_id = DeviceId::new(self.required("device_id")?);
        let reading = Reading {
            site_id,
            device_id: device_id.ok_or(DecodeError::Empty("device_id"))?,
            power: Power::from_text(self.required("power_reading")?)?,
            timestamp: Timestamp::parse(self.required("timestamp")?)?,
        };
        Ok((reading, self.ingested_at(id)?))
    }

    /// Entries of other writers may lack `ingested_at`: then it is the time in the entry's id, so that the
    /// member stays a pure function of the entry.
    fn ingested_at(&self, id: StreamId) -> Result<String, DecodeError> {
        const NAME: &str = "ingested_at";
        if let Some(text) = self.text(NAME)? {
            return Ok(text.to_owned());
        }
        let time = i64::try_from(id.ms).ok().and_then(DateTime::from_timestamp_millis);
        time.map(ingestion_time).ok_or(DecodeError::Missing(NAME))
    }

    fn required(&self, name: &'static str) -> Result<&str, DecodeError> {
        self.text(name)?.ok_or(DecodeError::Missing(name))
    }

    fn text(&self, name: &'static str) -> Result<Option<&str>, DecodeError> {
        let found = self.0.iter().rfind(|(other, _)| other.as_ref() == name.as_bytes());
        let Some((_, value)) = found else { return Ok(None) };
        str::from_utf8(value.as_ref()).map(Some).map_err(|_| DecodeError::NotText(name))
    }
}

/// A stored reading: a member of a sorted set, and an element of a response.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StoredReading<'a> {
    #[serde(borrow)]
    stream_id: Cow<'a, str>,
    #[serde(borrow)]
    site_id: Cow<'a, str>,
    #[serde(borrow)]
    device_id: Cow<'a, str>,
    power_reading: f64,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    ingested_at: Cow<'a, str>,
}

impl<'a> StoredReading<'a> {
    /// Parses a member, of this program or the original.
    ///
    /// # Errors
    /// When it is not a JSON object with the six members (Python also wrote `Infinity`, which is not
    /// JSON).
    pub fn from_member(member: &'a [u8]) -> Result<Self, serde_json::Error> {
        // serde reads structs from arrays, too.
        if !member.trim_ascii_start().starts_with(b"{") {
            return Err(de::Error::custom("a member is a JSON object"));
        }
        // As text: of bytes, serde does not check the strings of members that it ignores.
        serde_json::from_str(str::from_utf8(member).map_err(de::Error::custom)?)
    }

    /// The device.
    #[must_use]
    pub fn device_id(&self) -> &str {
        &self.device_id
    }

    /// When it was accepted, as text.
    #[must_use]
    pub fn ingested_at(&self) -> &str {
        &self.ingested_at
    }

    /// Its members as texts, in their order.
    #[must_use]
    pub fn texts(&self) -> [Cow<'_, str>; 6] {
        let power = format!("{:?}", self.power_reading).into();
        let [id, site, device] =
            [&*self.stream_id, &self.site_id, &self.device_id].map(Cow::Borrowed);
        [id, site, device, power, (&*self.timestamp).into(), (&*self.ingested_at).into()]
    }

    /// Its power in watts.
    #[must_use]
    pub const fn watts(&self) -> f64 {
        self.power_reading
    }

    /// The sort key of a site's readings: the instant, then the stream id as numbers. Invalid texts sort
    /// first.
    #[must_use]
    pub fn order(&self) -> (Option<Instant>, Option<StreamId>) {
        let instant = iso8601::parse(&self.timestamp).ok().map(|parsed| parsed.instant);
        (instant, self.stream_id.parse().ok())
    }
}

/// The score of an entry in its site's sorted set: epoch seconds.
#[must_use]
pub fn score(entry: &StreamEntry) -> f64 {
    entry.reading.timestamp.instant().epoch_seconds()
}

/// The member of an entry in its site's sorted set: a pure function of the entry, so that storing
/// it twice leaves one member.
#[must_use]
pub fn member(entry: &StreamEntry) -> Vec<u8> {
    let mut member = Vec::with_capacity(256);
    write_member(entry, &mut member);
    member
}

/// The entry of a member that is as [`member`] writes it, byte for byte; `None` for all others.
#[must_use]
pub fn entry_of(member: &[u8]) -> Option<StreamEntry> {
    let stored = StoredReading::from_member(member).ok()?;
    let reading = Reading {
        site_id: SiteId::new(&*stored.site_id)?,
        device_id: DeviceId::new(&*stored.device_id)?,
        power: Power::of_stored(stored.power_reading).ok()?,
        timestamp: Timestamp::parse(&*stored.timestamp).ok()?,
    };
    let id = stored.stream_id.parse().ok()?;
    let entry = StreamEntry { id, reading, ingested_at: stored.ingested_at.into_owned() };
    (self::member(&entry) == member).then_some(entry)
}

/// The instant of a member that is as [`member`] writes it: without parsing the rest of it.
pub(super) fn instant_of(member: &[u8]) -> Option<Instant> {
    static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"timestamp\": \""));
    // A text has no quotation marks but with a backslash before them, so this is the name.
    let text = member.get(NAME.find(member)? + NAME.needle().len()..)?;
    let end = memchr::memchr2(b'"', b'\\', text)?;
    if text.get(end) == Some(&b'\\') {
        return StoredReading::from_member(member).ok()?.order().0;
    }
    let text = str::from_utf8(text.get(..end)?).ok()?;
    iso8601::parse(text).ok().map(|parsed| parsed.instant)
}

/// Writes the member of an entry to memory.
pub(super) fn write_member(entry: &StreamEntry, memory: impl io::Write) {
    let StreamEntry { id, reading, ingested_at } = entry;
    let member = Member {
        stream_id: *id,
        site_id: reading.site_id.as_str(),
        device_id: reading.device_id.as_str(),
        power_reading: reading.power.watts(),
        timestamp: reading.timestamp.as_str(),
        ingested_at,
    };
    let mut serializer = serde_json::Serializer::with_formatter(memory, PythonJson);
    if let Err(error) = member.serialize(&mut serializer) {
        unreachable!("a struct of texts and a finite number is written to memory: {error}");
    }
}

#[derive(Serialize)]
struct Member<'a> {
    stream_id: StreamId,
    site_id: &'a str,
    device_id: &'a str,
    power_reading: f64,
    timestamp: &'a str,
    ingested_at: &'a str,
}

/// JSON as Python's `json.dumps` writes it: a space after `:` and `,`, ASCII only, floats as `repr`.
struct PythonJson;

impl Formatter for PythonJson {
    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let power = Power::of_stored(value).map_err(io::Error::other)?;
        write!(writer, "{power}")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // ASCII, but Python escapes it.
        const DELETE: char = '\u{7f}';
        if fragment.is_ascii() && !fragment.contains(DELETE) {
            return writer.write_all(fragment.as_bytes());
        }
        for character in fragment.chars() {
            if character.is_ascii() && character != DELETE {
                write!(writer, "{character}")?;
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
