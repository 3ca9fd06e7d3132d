//! The input: a file or standard input, plain or gzip.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use crate::input::unsupported_file::{self, SUSPICIOUS_AFTER_BYTES};

/// Size of a read. Too low: many system calls. Too high: the progress of a small gzip file jumps, because few bytes
/// hold many rows.
const CHUNK_BYTES: usize = 16 * 1024;

/// How much leading white space is skipped to find the first character. Too low: it is not found, and the text is read
/// as NDJSON. Too high: memory.
const MAX_SNIFFED_BYTES: usize = 64 * 1024;

/// The raw bytes of a file.
pub struct Source {
    bytes: Box<dyn Read + Send>,
    byte_counter: ByteCounter,
}

/// Counts the bytes read; clones share the count.
#[derive(Debug, Clone, Default)]
pub struct ByteCounter {
    read: Arc<AtomicU64>,
    size: Option<u64>,
}

/// The decoded text of a file, and its first non-blank byte.
pub struct Text {
    /// The text, decompressed and without byte order mark.
    pub reader: Box<dyn BufRead + Send>,
    /// `None` if there is only white space.
    pub first: Option<u8>,
}

impl Source {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// When the file does not exist or cannot be opened.
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
        Self { bytes: Box::new(bytes), byte_counter: ByteCounter { read: Arc::default(), size } }
    }

    /// The counter of this source, which stays current.
    pub fn byte_counter(&self) -> ByteCounter {
        self.byte_counter.clone()
    }

    /// Detects gzip and unsupported formats by the first bytes, and decompresses. Blocks until those bytes are there.
    ///
    /// # Errors
    /// When reading fails, or the file is neither text nor gzip.
    pub fn into_text(self) -> io::Result<Text> {
        let (bytes, is_gzip) = self.sniffed()?;
        if is_gzip {
            text(BufReader::with_capacity(CHUNK_BYTES, MultiGzDecoder::new(bytes)))
        } else {
            text(bytes)
        }
    }

    /// The decompressed bytes of a file that another program has written: text in an encoding of its own, or a zip archive.
    ///
    /// # Errors
    /// When reading fails, or it is a file of another kind.
    pub fn into_export(self) -> io::Result<Box<dyn BufRead + Send>> {
        let (bytes, is_gzip) = self.sniffed()?;
        if is_gzip {
            export(BufReader::with_capacity(CHUNK_BYTES, MultiGzDecoder::new(bytes)))
        } else {
            export(bytes)
        }
    }

    /// The bytes, and whether they are those of a gzip file.
    fn sniffed(self) -> io::Result<(impl BufRead + Send + 'static, bool)> {
        const GZIP: &[u8] = b"\x1f\x8b";
        let counting = CountingReader { bytes: self.bytes, byte_counter: self.byte_counter };
        let mut bytes = BufReader::with_capacity(CHUNK_BYTES, counting);
        let magic = sniff(&mut bytes, |head| head.len() == GZIP.len())?;
        let is_gzip = magic == GZIP;
        Ok((Cursor::new(magic).chain(bytes), is_gzip))
    }
}

impl ByteCounter {
    /// Bytes read so far, before decompression.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// The file's size in bytes; `None` of a pipe.
    pub const fn size(&self) -> Option<u64> {
        self.size
    }
}

struct CountingReader {
    bytes: Box<dyn Read + Send>,
    byte_counter: ByteCounter,
}

impl Read for CountingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.byte_counter.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Strips the byte order mark, and rejects other formats than text.
fn text(mut reader: impl BufRead + Send + 'static) -> io::Result<Text> {
    let mut head = sniff(&mut reader, |head| {
        head.len() >= SUSPICIOUS_AFTER_BYTES && first_character(head).is_some()
    })?;
    if unsupported_file::is_suspicious(without_byte_order_mark(&head)) {
        reader.by_ref().take(unsupported_file::IDENTIFIED_BY_BYTES).read_to_end(&mut head)?;
        if let Some(unsupported) = unsupported_file::identify(without_byte_order_mark(&head)) {
            return Err(io::Error::other(unsupported));
        }
    }
    let first = first_character(&head);
    let head = without_byte_order_mark(&head).to_vec();
    Ok(Text { reader: Box::new(Cursor::new(head).chain(reader)), first })
}

/// Rejects what is neither text in some encoding nor an archive.
fn export(mut reader: impl BufRead + Send + 'static) -> io::Result<Box<dyn BufRead + Send>> {
    let mut head = Vec::new();
    reader.by_ref().take(unsupported_file::IDENTIFIED_BY_BYTES).read_to_end(&mut head)?;
    let identified = unsupported_file::identify(without_byte_order_mark(&head));
    if let Some(unsupported) = identified.filter(|_| !unsupported_file::is_export(&head)) {
        return Err(io::Error::other(unsupported));
    }
    Ok(Box::new(Cursor::new(head).chain(reader)))
}

/// Reads byte by byte until there are enough to decide: from an interactive pipe, a further byte may never come.
fn sniff(reader: &mut impl BufRead, is_enough: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    for byte in reader.bytes() {
        head.push(byte?);
        if is_enough(&head) || head.len() == MAX_SNIFFED_BYTES {
            break;
        }
    }
    Ok(head)
}

fn first_character(head: &[u8]) -> Option<u8> {
    without_byte_order_mark(head).trim_ascii_start().first().copied()
}

fn without_byte_order_mark(head: &[u8]) -> &[u8] {
    head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head)
}

#[cfg(test)]
mod tests;
