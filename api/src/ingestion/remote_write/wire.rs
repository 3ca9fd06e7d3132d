//! The message `prometheus.WriteRequest` of remote write 1.0, read where it is: nothing is copied, so that a body takes no
//! more memory than its bytes, whatever is in it.
//!
//! ```proto
//! message WriteRequest { repeated TimeSeries timeseries = 1; }
//! message TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; }
//! message Label        { string name = 1; string value = 2; }
//! message Sample       { double value = 1; int64 timestamp = 2; }  // milliseconds since the Unix epoch
//! ```
//!
//! Source: <https://prometheus.io/docs/specs/prw/remote_write_spec/#protocol>. Other fields (metadata, exemplars, histograms)
//! are skipped.

use bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint};

/// The body is not the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a prometheus.WriteRequest")]
pub(super) struct Malformed;

/// A field of a message whose type is used here.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value<'a> {
    Bytes(&'a [u8]),
    Varint(u64),
    Double(f64),
    Skipped,
}

/// The fields of a message, in the order in which they were sent; none after the first that is malformed.
#[derive(Debug, Clone)]
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(Malformed))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u32, Value<'a>)> {
        let (number, wire_type) = decode_key(&mut self.0).ok()?;
        let value = match wire_type {
            WireType::Varint => Value::Varint(decode_varint(&mut self.0).ok()?),
            WireType::SixtyFourBit => Value::Double(self.0.try_get_f64_le().ok()?),
            WireType::ThirtyTwoBit => self.0.try_get_u32_le().map(|_| Value::Skipped).ok()?,
            WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(&mut self.0).ok()?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Value::Bytes(bytes)
            }
            // Groups are in none of these messages.
            WireType::StartGroup | WireType::EndGroup => return None,
        };
        Some((number, value))
    }
}

/// The messages that a field of this number has.
fn messages(message: &[u8], number: u32) -> impl Iterator<Item = Result<&[u8], Malformed>> {
    Fields(message).filter_map(move |field| match field {
        Ok((found, value)) if found == number => match value {
            Value::Bytes(bytes) => Some(Ok(bytes)),
            _ => Some(Err(Malformed)),
        },
        Ok(_) => None,
        Err(malformed) => Some(Err(malformed)),
    })
}

/// The series of a request.
pub(super) fn series(body: &[u8]) -> impl Iterator<Item = Result<Series<'_>, Malformed>> {
    messages(body, 1).map(|series| series.map(Series))
}

/// One series: its labels, of which `__name__` is the name of the metric, and its samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series<'a>(&'a [u8]);

/// A value and its time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Sample {
    /// A number of the metric's unit, or a NaN: that of a stale marker, or the metric's own.
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
}

impl<'a> Series<'a> {
    /// The names and values of its labels.
    pub fn labels(self) -> impl Iterator<Item = Result<(&'a str, &'a str), Malformed>> {
        messages(self.0, 1).map(|label| {
            let (mut name, mut value) = ("", "");
            for field in Fields(label?) {
                let text = |bytes| str::from_utf8(bytes).map_err(|_| Malformed);
                match field? {
                    (1, Value::Bytes(bytes)) => name = text(bytes)?,
                    (2, Value::Bytes(bytes)) => value = text(bytes)?,
                    (1 | 2, _) => return Err(Malformed),
                    _ => {}
                }
            }
            Ok((name, value))
        })
    }

    /// Its samples.
    pub fn samples(self) -> impl Iterator<Item = Result<Sample, Malformed>> {
        messages(self.0, 2).map(|sample| {
            let mut found = Sample::default();
            for field in Fields(sample?) {
                match field? {
                    (1, Value::Double(value)) => found.value = value,
                    // A negative int64 is sent as the varint of its two's complement.
                    (2, Value::Varint(milliseconds)) => {
                        found.timestamp = milliseconds.cast_signed();
                    }
                    (1 | 2, _) => return Err(Malformed),
                    _ => {}
                }
            }
            Ok(found)
        })
    }
}
