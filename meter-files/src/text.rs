//! From bytes to text: encodings, and the head of a file, by which its shape is detected.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::error::FileError;

/// How much of a file is read to detect its shape. Too low: no day above 12 and no fraction is in it, and the file is
/// refused as unclear. Too high: memory, and a pipe blocks until that much has arrived.
pub const HEAD_BYTES: u64 = 256 * 1024;

/// The largest document that is read as a whole (JSON, XML). Too low: a year of quarter hours is refused (4 MB). Too
/// high: memory, of which a document needs several times its size.
pub const MAX_DOCUMENT_BYTES: u64 = 64 * 1024 * 1024;

const CHUNK_BYTES: usize = 16 * 1024;

/// A text whose head is known.
pub struct Text {
    head: String,
    is_whole: bool,
    encoding: &'static Encoding,
    reader: Box<dyn BufRead + Send>,
}

impl Text {
    /// Reads the head, and decodes UTF-8, UTF-16 (with a byte order mark, or without one) and Windows-1252.
    ///
    /// # Errors
    /// When reading fails.
    pub fn read(mut bytes: impl BufRead + Send + 'static) -> io::Result<Self> {
        let mut start = Vec::new();
        bytes.by_ref().take(HEAD_BYTES).read_to_end(&mut start)?;
        let (encoding, mark) = encoding(&start);
        let all = Cursor::new(start.split_off(mark)).chain(bytes);
        let mut reader: Box<dyn BufRead + Send> = if encoding == UTF_8 {
            Box::new(all)
        } else {
            Box::new(BufReader::with_capacity(CHUNK_BYTES, Decoded::new(all, encoding)))
        };
        let mut head = Vec::new();
        reader.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
        let is_whole = (head.len() as u64) < HEAD_BYTES && reader.fill_buf()?.is_empty();
        let text = String::from_utf8_lossy(&head).into_owned();
        let reader = Box::new(Cursor::new(head).chain(reader));
        Ok(Self { head: text, is_whole, encoding, reader })
    }

    /// The beginning of the text; may end within a line.
    #[must_use]
    pub fn head(&self) -> &str {
        &self.head
    }

    /// The whole lines of the head with their numbers, from 1, without line ends.
    pub fn lines(&self) -> impl Iterator<Item = (u64, &str)> {
        let end = if self.is_whole {
            self.head.len()
        } else {
            self.head.rfind('\n').map_or(0, |at| at + 1)
        };
        (1..).zip(self.head.get(..end).unwrap_or_default().lines())
    }

    /// The name of the encoding.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        self.encoding.name()
    }

    /// The text, from its beginning.
    #[must_use]
    pub fn into_reader(self) -> Box<dyn BufRead + Send> {
        self.reader
    }

    /// The whole text of a document.
    ///
    /// # Errors
    /// When it is larger than [`MAX_DOCUMENT_BYTES`], is not UTF-8, or reading fails.
    pub fn into_document(self) -> Result<String, FileError> {
        let mut text = String::new();
        let read = self.reader.take(MAX_DOCUMENT_BYTES + 1).read_to_string(&mut text);
        let bytes = read.map_err(|reason| FileError::Read { line: 0, reason })? as u64;
        if bytes > MAX_DOCUMENT_BYTES {
            let limit = MAX_DOCUMENT_BYTES / (1024 * 1024);
            return Err(FileError::shape(format!(
                "the document is larger than {limit} MB; divide it"
            )));
        }
        Ok(text)
    }
}

/// The encoding, and the length of the byte order mark.
fn encoding(start: &[u8]) -> (&'static Encoding, usize) {
    if let Some(marked) = Encoding::for_bom(start) {
        return marked;
    }
    let zeros = |first: usize| {
        start.iter().take(64).skip(first).step_by(2).filter(|byte| **byte == 0).count()
    };
    let encoding = match str::from_utf8(start) {
        _ if zeros(1) > 8 => UTF_16LE,
        _ if zeros(0) > 8 => UTF_16BE,
        // The head may end within a character.
        Err(error) if error.error_len().is_some() => WINDOWS_1252,
        _ => UTF_8,
    };
    (encoding, 0)
}

/// Decodes to UTF-8 while it is read.
struct Decoded<R> {
    bytes: R,
    decoder: Decoder,
    text: Vec<u8>,
    at: usize,
    has_ended: bool,
}

impl<R: BufRead> Decoded<R> {
    fn new(bytes: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_without_bom_handling();
        Self { bytes, decoder, text: Vec::new(), at: 0, has_ended: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        let chunk = self.bytes.fill_buf()?;
        let chunk = chunk.get(..chunk.len().min(CHUNK_BYTES)).unwrap_or(chunk);
        self.has_ended = chunk.is_empty();
        // Three bytes of UTF-8 for each unit, and what the decoder has kept.
        self.text.resize(3 * chunk.len() + 16, 0);
        let (_, read, written, _) =
            self.decoder.decode_to_utf8(chunk, &mut self.text, self.has_ended);
        self.text.truncate(written);
        self.at = 0;
        self.bytes.consume(read);
        Ok(())
    }
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() && !self.has_ended {
            self.refill()?;
        }
        let read = self.text.get(self.at..).unwrap_or_default().read(buffer)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        Text::read(Cursor::new(bytes)).unwrap().into_document().unwrap()
    }

    fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn the_text_is_the_same_in_every_encoding_and_has_no_byte_order_mark() {
        let long = "Zählerstand;kWh\n".repeat(10_000);
        for (bytes, name) in [
            (long.clone().into_bytes(), "UTF-8"),
            ([b"\xef\xbb\xbf", long.as_bytes()].concat(), "UTF-8 with a mark"),
            (utf16(&format!("\u{feff}{long}"), u16::to_le_bytes), "UTF-16LE"),
            (utf16(&format!("\u{feff}{long}"), u16::to_be_bytes), "UTF-16BE"),
            (utf16(&long, u16::to_le_bytes), "UTF-16LE without a mark"),
            (WINDOWS_1252.encode(&long).0.into_owned(), "Windows-1252"),
        ] {
            assert!(text(bytes) == long, "{name}");
        }
    }

    #[test]
    fn the_lines_of_the_head_are_whole() {
        let line = "x".repeat(999);
        let long = format!("{line}\n").repeat(1_000);
        let text = Text::read(Cursor::new(long.into_bytes())).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.len() > 200 && lines.iter().all(|(_, found)| *found == line));
        let short = Text::read(Cursor::new(b"a\r\nb".to_vec())).unwrap();
        assert_eq!(short.lines().collect::<Vec<_>>(), [(1, "a"), (2, "b")]);
    }
}
