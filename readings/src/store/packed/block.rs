//! The value that has the members of a day, and the members in memory.
//!
//! A value is [`VERSION`], the revision of the day's header (little-endian), and a zstd frame (RFC 8878) of the members in
//! the order of responses, each with a line feed after it: JSON texts have none. The frame has a checksum of its own, so a
//! damaged value is an error and never other readings.

use std::cell::RefCell;
use std::io;

use bytes::Bytes;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, Strategy};

use super::header::{Contents, checksum};
use crate::energy::rollup::Day;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::codec;
use crate::store::stream_id::StreamId;

/// Of zstd. Too low and a day takes more memory (3: 10 % more); too high and it takes long, for little of what
/// [`DENSE_STRATEGY`] saves.
const LEVEL: i32 = 9;

/// Of zstd: the shortest text that is found again, in bytes. Lower and digits that are alike by chance are found, which costs
/// more than the digits (5: 1 % more memory, 3: 7 %); 7 is the highest.
const MIN_MATCH: u32 = 7;

/// Of zstd, for dense values: each text is found again where that costs the fewest bits, which is a quarter less memory for
/// five times the time (9 microseconds a reading instead of 2).
const DENSE_STRATEGY: Strategy = Strategy::ZSTD_btopt;

/// Of zstd, for dense values: the length at which a text that is found again is taken without looking further. Too low and
/// members, which are alike but for their digits, are cut into short texts (64: a fifth more memory); higher changes nothing.
const DENSE_TARGET_LENGTH: u32 = 256;

/// Of zstd, for dense values: of how many places, as a power of two, the best is taken. Higher takes longer for nothing.
const DENSE_SEARCH_LOG: u32 = 1;

/// The version of the format.
const VERSION: u8 = 1;

/// Bytes before the frame.
const PREFIX: usize = 5;

/// The most bytes of a day's members. Too low and days of sites that send each second are not packed; too high and one day
/// fills the memory of the process that packs or reads it.
pub const MAX_BYTES: usize = 64 << 20;

const LINE_FEED: u8 = b'\n';

/// The last years whose scores are exact (`codec::score`) are far from these.
const PACKABLE_DAYS: std::ops::Range<i32> = -25_567..84_006;

/// The first day that can be packed.
pub const FIRST_PACKABLE: Day = Day::from_number(PACKABLE_DAYS.start);

thread_local! {
    /// Creating one takes a quarter of the time of a day (measured).
    static DECOMPRESSOR: RefCell<io::Result<Decompressor<'static>>> = RefCell::new(Decompressor::new());
}

/// The members of one day in the order of responses: by instant, of one instant by stream id.
#[derive(Debug, Clone, Default)]
pub struct PackedMembers {
    /// Each with a line feed after it.
    text: Bytes,
    /// Where the line feeds are.
    ends: Vec<u32>,
}

/// A value that is not of packed members.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// It is of a later version of the format, or of something else.
    #[error("it has an unknown format")]
    Format,
    /// The compressed bytes are damaged.
    #[error("it is damaged: {0}")]
    Damaged(#[from] io::Error),
}

impl PackedMembers {
    /// These members, which must be in the order of responses.
    #[must_use]
    pub fn from_sorted<'a>(members: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut text = Vec::new();
        for member in members {
            text.extend_from_slice(member);
            text.push(LINE_FEED);
        }
        Self::of_text(text.into())
    }

    fn of_text(text: Bytes) -> Self {
        // Not larger than MAX_BYTES.
        let ends = memchr::memchr_iter(LINE_FEED, &text);
        let ends = ends.filter_map(|end| u32::try_from(end).ok()).collect();
        Self { text, ends }
    }

    /// Reads a value; gives the revision as well.
    ///
    /// # Errors
    /// When it is damaged or of another format.
    pub fn from_block(block: &[u8]) -> Result<(u32, Self), BlockError> {
        let (prefix, frame) = block.split_first_chunk::<PREFIX>().ok_or(BlockError::Format)?;
        let [VERSION, revision @ ..] = *prefix else { return Err(BlockError::Format) };
        let size =
            zstd::zstd_safe::get_frame_content_size(frame).map_err(|_| BlockError::Format)?;
        let size = size.and_then(|size| usize::try_from(size).ok()).ok_or(BlockError::Format)?;
        if size > MAX_BYTES {
            return Err(BlockError::Format);
        }
        let text = DECOMPRESSOR.with_borrow_mut(|decompressor| match decompressor {
            Ok(decompressor) => decompressor.decompress(frame, size),
            Err(_) => zstd::bulk::decompress(frame, size),
        })?;
        Ok((u32::from_le_bytes(revision), Self::of_text(text.into())))
    }

    /// The value of these members for a revision of their day: soon, for what waits for it or is replaced before long.
    ///
    /// # Errors
    /// When the compression fails.
    pub fn to_block(&self, revision: u32) -> io::Result<Vec<u8>> {
        self.compressed(revision, &[])
    }

    /// The same in three quarters of the bytes, for what stays. It takes a second for a day of a reading a second: not on a
    /// thread that others wait for.
    ///
    /// # Errors
    /// When the compression fails.
    pub fn to_dense_block(&self, revision: u32) -> io::Result<Vec<u8>> {
        let dense = [
            CParameter::Strategy(DENSE_STRATEGY),
            CParameter::TargetLength(DENSE_TARGET_LENGTH),
            CParameter::SearchLog(DENSE_SEARCH_LOG),
        ];
        self.compressed(revision, &dense)
    }

    fn compressed(&self, revision: u32, further: &[CParameter]) -> io::Result<Vec<u8>> {
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.set_parameter(CParameter::MinMatch(MIN_MATCH))?;
        for parameter in further {
            compressor.set_parameter(*parameter)?;
        }
        compressor.include_checksum(true)?;
        let frame = compressor.compress(&self.text)?;
        let revision = revision.to_le_bytes();
        Ok([&[VERSION], revision.as_slice(), frame.as_slice()].concat())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The member at a place; `None` behind the last.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&[u8]> {
        let end = *self.ends.get(place)? as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before] as usize + 1);
        self.text.get(start..end)
    }

    /// The members.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator {
        (0..self.len()).map(|place| self.get(place).unwrap_or_default())
    }

    /// All members, each with a line feed after it.
    #[must_use]
    pub const fn text(&self) -> &Bytes {
        &self.text
    }

    /// Whether these are the members that a header tells of.
    #[must_use]
    pub fn are(&self, contents: &Contents) -> bool {
        self.len() as u64 == contents.count && checksum(self.iter()) == contents.checksum
    }

    /// What a header says of them.
    #[must_use]
    pub fn contents(&self) -> Contents {
        let instant = |member: Option<&[u8]>| {
            let (instant, _) = codec::StoredReading::from_member(member?).ok()?.order();
            instant.map(Instant::epoch_micros)
        };
        let [first, last] =
            [self.get(0), self.len().checked_sub(1).and_then(|last| self.get(last))];
        Contents {
            count: self.len() as u64,
            checksum: checksum(self.iter()),
            first: instant(first).unwrap_or_default(),
            last: instant(last).unwrap_or_default(),
        }
    }
}

/// Collects the members of a day that can be packed.
#[derive(Debug)]
pub struct Packing<'a> {
    site: &'a SiteId,
    day: Day,
    bytes: usize,
    members: Vec<(Instant, StreamId, Vec<u8>)>,
}

/// What [`Packing::push`] has done with a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It is packed.
    Packed,
    /// It stays in the sorted set.
    Left,
}

/// The day has too many members to be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the members of the day have more than {} MiB together", MAX_BYTES >> 20)]
pub struct TooLarge;

impl<'a> Packing<'a> {
    /// Nothing yet.
    #[must_use]
    pub const fn new(site: &'a SiteId, day: Day) -> Self {
        Self { site, day, bytes: 0, members: Vec::new() }
    }

    /// Adds a member with its score. Left is what another program wrote in another form, or with a score that is not that
    /// of its timestamp: it could not be restored from the archive byte for byte.
    ///
    /// # Errors
    /// When the day becomes too large.
    pub fn push(&mut self, score: f64, member: &[u8]) -> Result<Pushed, TooLarge> {
        let Some(entry) = codec::entry_of(member) else { return Ok(Pushed::Left) };
        let instant = entry.reading.timestamp.instant();
        let is_packable = entry.reading.site_id == *self.site
            && Day::of(instant) == self.day
            && PACKABLE_DAYS.contains(&self.day.number())
            && instant.epoch_seconds().total_cmp(&(score + 0.0)).is_eq();
        if !is_packable {
            return Ok(Pushed::Left);
        }
        self.bytes += member.len() + 1;
        if self.bytes > MAX_BYTES {
            return Err(TooLarge);
        }
        self.members.push((instant, entry.id, member.to_owned()));
        Ok(Pushed::Packed)
    }

    /// The members, each once, in the order of responses.
    #[must_use]
    pub fn finish(mut self) -> PackedMembers {
        self.members.sort_unstable();
        self.members.dedup();
        PackedMembers::from_sorted(self.members.iter().map(|(.., member)| member.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, time: &str) -> Vec<u8> {
        format!(
            r#"{{"stream_id": "{id}", "site_id": "house", "device_id": "d", "power_reading": 1.5, "timestamp": "1970-01-02T{time}Z", "ingested_at": "1970-01-02T00:00:00.000000"}}"#
        )
        .into_bytes()
    }

    fn packed(members: &[(f64, Vec<u8>)]) -> (PackedMembers, Vec<Pushed>) {
        let site = SiteId::new("house").unwrap();
        let mut packing = Packing::new(&site, Day::from_number(1));
        let pushed = members.iter().map(|(score, member)| packing.push(*score, member).unwrap());
        let pushed = pushed.collect();
        (packing.finish(), pushed)
    }

    #[test]
    fn members_are_packed_once_in_the_order_of_responses() {
        let (second, first) = (member("10-0", "00:00:00"), member("9-0", "00:00:00"));
        let third = member("1-0", "00:00:01");
        let all = [(86_401.0, &third), (86_400.0, &second), (86_400.0, &first), (86_400.0, &first)];
        let (members, _) = packed(&all.map(|(score, member)| (score, member.clone())));
        assert_eq!(members.iter().collect::<Vec<_>>(), [&first[..], &second, &third]);
        let block = members.to_block(7).unwrap();
        let (revision, read) = PackedMembers::from_block(&block).unwrap();
        assert_eq!((revision, read.text()), (7, members.text()));
        assert_eq!(read.contents().count, 3);
        assert_eq!(read.contents().last - read.contents().first, 1_000_000);
    }

    #[test]
    fn a_dense_value_has_the_same_members_in_fewer_bytes() {
        let member = |n: u32| {
            let random = n.wrapping_mul(2_654_435_761) % 1_000_000;
            let (minute, second) = (n % 3_600 / 60, n % 60);
            member(
                &format!("{n}{random:06}-0"),
                &format!("{:02}:{minute:02}:{second:02}", n / 3_600),
            )
        };
        let (members, _) =
            packed(&(0..1_440).map(|n| (f64::from(86_400 + n), member(n))).collect::<Vec<_>>());
        let [quick, dense] = [members.to_block(3).unwrap(), members.to_dense_block(3).unwrap()];
        let (revision, read) = PackedMembers::from_block(&dense).unwrap();
        assert_eq!((revision, read.text()), (3, members.text()));
        assert!(dense.len() * 10 < quick.len() * 9, "{} of {} bytes", dense.len(), quick.len());
    }

    #[test]
    fn a_member_of_another_form_score_or_day_is_left() {
        let usual = member("1-0", "00:00:00");
        let compact = String::from_utf8(usual.clone()).unwrap().replace(": ", ":").into_bytes();
        let text = String::from_utf8(usual.clone()).unwrap();
        let of_other_site = text.replace("house", "other").into_bytes();
        let members = [
            (86_400.5, usual.clone()),
            (86_400.0, compact),
            (86_400.0, b"junk".to_vec()),
            (86_400.0, of_other_site),
            (86_400.0, text.replace("1970-01-02T00:00:00Z", "1970-01-01T00:00:00Z").into_bytes()),
            (86_400.0, usual),
        ];
        let (packed, pushed) = packed(&members);
        let mut expected = [Pushed::Left; 6];
        expected[5] = Pushed::Packed;
        assert_eq!((packed.len(), pushed.as_slice()), (1, &expected[..]));
    }

    #[test]
    fn a_damaged_value_is_an_error() {
        let (members, _) = packed(&[(86_400.0, member("1-0", "00:00:00"))]);
        let block = members.to_block(0).unwrap();
        for place in 0..block.len() {
            let mut damaged = block.clone();
            damaged[place] ^= 0xff;
            if let Ok((_, read)) = PackedMembers::from_block(&damaged) {
                assert_eq!(read.text(), members.text(), "byte {place}");
            }
        }
        assert!(PackedMembers::from_block(b"").is_err());
    }
}
