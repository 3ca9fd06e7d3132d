//! The limits of a reading's fields.

/// The most bytes of UTF-8 that a site or device id may have. Too low and existing ids are rejected; too
/// high and each stored reading may be that large.
pub const MAX_ID_BYTES: usize = 256;

/// The most characters that a timestamp may have: it is kept as it was sent, with each stored reading,
/// and a fraction may have any number of digits. Too low and timestamps that Python accepts are rejected;
/// too high and each stored reading may be that large.
pub const MAX_TIMESTAMP_CHARACTERS: usize = 128;

/// The most bytes of a reading as it is sent, whether alone or as a row among others. Too low: ignored members make a
/// reading too large. Too high: many large readings fill the memory.
pub const MAX_ROW_BYTES: usize = 64 * 1024;
