//! Where rows come from: a file or standard input, plain or gzip.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use crate::input::unsupported_file::{self, SUSPICIOUS_AFTER_BYTES};

/// Bytes that are read at a time. Too low: many reads. Too high: the progress of a small gzip file
/// jumps, as its bytes hold many rows.
const CHUNK_BYTES: usize = 16 * 1024;

/// White space at the beginning that is looked through for the first character. Too low: it is not
/// found, and the text is read as NDJSON. Too high: it is all kept in memory.
const MAX_OPENING_BYTES: usize = 64 * 1024;

/// The bytes of a file, before it is known what they are.
pub struct Source {
    bytes: Box<dyn Read + Send>,
    meter: Meter,
}

/// How far reading is.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    read: Arc<AtomicU64>,
    size: Option<u64>,
}

/// The text of a file, and its first character that is no white space, if it is ASCII.
pub struct Text {
    /// The text without compression and byte order mark.
    pub reader: Box<dyn BufRead + Send>,
    /// `None` when there is nothing but white space.
    pub first: Option<u8>,
}

impl Source {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// When it does not exist or may not be read.
    pub fn open(file: &Path) -> io::Result<Self> {
        if file.as_os_str() == "-" {
            return Ok(Self::new(io::stdin(), None));
        }
        let file = File::open(file)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let size = metadata.is_file().then_some(metadata.len());
        Ok(Self::new(file, size))
    }

    fn new(bytes: impl Read + Send + 'static, size: Option<u64>) -> Self {
        Self { bytes: Box::new(bytes), meter: Meter { read: Arc::default(), size } }
    }

    /// How far reading is, from now on.
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// Looks at the first bytes, and unpacks gzip. Waits for them when they are not there yet.
    ///
    /// # Errors
    /// When they cannot be read, or the file is something else than text or gzip.
    pub fn into_text(self) -> io::Result<Text> {
        const GZIP: &[u8] = b"\x1f\x8b";
        let metered = Metered { bytes: self.bytes, meter: self.meter };
        let mut bytes = BufReader::with_capacity(CHUNK_BYTES, metered);
        let magic = read_opening(&mut bytes, |opening| opening.len() == GZIP.len())?;
        let is_gzip = magic == GZIP;
        let bytes = Cursor::new(magic).chain(bytes);
        if is_gzip {
            text(BufReader::with_capacity(CHUNK_BYTES, MultiGzDecoder::new(bytes)))
        } else {
            text(bytes)
        }
    }
}

impl Meter {
    /// Bytes that have been read, compressed ones if the file is.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// The file's size in bytes; `None` for what has none, such as a pipe.
    pub const fn size(&self) -> Option<u64> {
        self.size
    }
}

struct Metered {
    bytes: Box<dyn Read + Send>,
    meter: Meter,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.meter.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Drops the byte order mark, and refuses what is no text.
fn text(mut reader: impl BufRead + Send + 'static) -> io::Result<Text> {
    let mut opening = read_opening(&mut reader, |opening| {
        opening.len() >= SUSPICIOUS_AFTER_BYTES && first_character(opening).is_some()
    })?;
    if unsupported_file::is_suspicious(without_byte_order_mark(&opening)) {
        reader.by_ref().take(unsupported_file::LOOKED_AT_BYTES).read_to_end(&mut opening)?;
        if let Some(foreign) = unsupported_file::identify(without_byte_order_mark(&opening)) {
            return Err(io::Error::other(foreign));
        }
    }
    let first = first_character(&opening);
    let opening = without_byte_order_mark(&opening).to_vec();
    Ok(Text { reader: Box::new(Cursor::new(opening).chain(reader)), first })
}

/// Reads just so many bytes as it takes to decide: more may come only after those are answered.
fn read_opening(
    reader: &mut impl BufRead,
    is_enough: impl Fn(&[u8]) -> bool,
) -> io::Result<Vec<u8>> {
    let mut opening = Vec::new();
    for byte in reader.bytes() {
        opening.push(byte?);
        if is_enough(&opening) || opening.len() == MAX_OPENING_BYTES {
            break;
        }
    }
    Ok(opening)
}

fn first_character(opening: &[u8]) -> Option<u8> {
    without_byte_order_mark(opening).trim_ascii_start().first().copied()
}

fn without_byte_order_mark(opening: &[u8]) -> &[u8] {
    opening.strip_prefix(b"\xef\xbb\xbf").unwrap_or(opening)
}

#[cfg(test)]
mod tests;
