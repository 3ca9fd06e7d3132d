//! Numbered lines of a text, in bounded memory however long a line is.

use std::io::{self, BufRead, ErrorKind};

use crate::validation::MAX_ROW_BYTES;

/// The most bytes of a line that are kept.
pub const MAX_LINE_BYTES: usize = MAX_ROW_BYTES;

/// A line without its line end (`\n` or `\r\n`).
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// The line number in the file, from 1.
    pub number: u64,
    /// The bytes; truncated to about [`MAX_LINE_BYTES`].
    pub content: Vec<u8>,
    /// Whether `content` is the whole line.
    pub is_whole: bool,
}

impl Line {
    /// Whether it is empty or white space.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.content.trim_ascii().is_empty()
    }
}

/// Why a chunk of a line ended.
enum Part {
    Middle,
    EndOfLine,
    EndOfFile,
}

/// Reads lines.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Starts at line 1.
    #[must_use]
    pub const fn new(reader: R) -> Self {
        Self { reader, number: 0 }
    }

    /// The number of the last complete line; 0 before the first.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The next line; `None` at the end.
    ///
    /// # Errors
    /// When reading fails. The incomplete line is dropped: its rest is unknown.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut content = Vec::new();
        let mut is_cut = false;
        loop {
            match self.read_part(&mut content, &mut is_cut)? {
                Part::Middle => {}
                Part::EndOfFile if content.is_empty() => return Ok(None),
                Part::EndOfLine | Part::EndOfFile => return Ok(Some(self.line(content, is_cut))),
            }
        }
    }

    fn read_part(&mut self, content: &mut Vec<u8>, is_cut: &mut bool) -> io::Result<Part> {
        // One byte more than is kept: it may be the `\r` of the line end.
        const ROOM: usize = MAX_LINE_BYTES + 1;
        let chunk = match self.reader.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Part::Middle),
            chunk => chunk?,
        };
        if chunk.is_empty() {
            return Ok(Part::EndOfFile);
        }
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        let kept = part.len().min(ROOM - content.len());
        content.extend_from_slice(&part[..kept]);
        *is_cut |= kept < part.len();
        let read = part.len() + usize::from(end.is_some());
        self.reader.consume(read);
        Ok(if end.is_some() { Part::EndOfLine } else { Part::Middle })
    }

    fn line(&mut self, mut content: Vec<u8>, is_cut: bool) -> Line {
        self.number += 1;
        if !is_cut && content.last() == Some(&b'\r') {
            content.pop();
        }
        let is_whole = !is_cut && content.len() <= MAX_LINE_BYTES;
        Line { number: self.number, content, is_whole }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read, repeat};

    use super::*;

    /// All lines as `(number, text, whole)`, read in pieces of `piece` bytes.
    fn lines(text: &str, piece: usize) -> Vec<(u64, String, bool)> {
        let mut lines = Lines::new(BufReader::with_capacity(piece, text.as_bytes()));
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            all.push((line.number, String::from_utf8(line.content).unwrap(), line.is_whole));
        }
        all
    }

    fn line(number: u64, text: &str) -> (u64, String, bool) {
        (number, text.to_owned(), true)
    }

    #[test]
    fn lines_end_with_either_line_end_and_the_last_may_have_none() {
        for piece in [1, 2, 3, 100] {
            let expected = [line(1, "a"), line(2, "b\rc"), line(3, ""), line(4, "d")];
            assert_eq!(lines("a\r\nb\rc\n\nd", piece), expected);
            assert_eq!(lines("a\r\nb\rc\n\nd\r\n", piece), expected);
            assert_eq!(lines("", piece), []);
        }
    }

    #[test]
    fn a_line_of_the_limit_is_whole_and_one_byte_more_is_not() {
        let text = "x".repeat(MAX_LINE_BYTES);
        for (text, whole) in [
            (format!("{text}\r\n"), true),
            (text.clone(), true),
            (format!("{text}y\n"), false),
            (format!("{text}y\r\n"), false),
            (format!("{text}yz"), false),
        ] {
            let lines = lines(&format!("{text}\n"), 8_192);
            assert_eq!(lines[0].2, whole, "{}", text.len());
        }
    }

    #[test]
    fn after_a_huge_line_reading_continues_in_bounded_memory() {
        let huge = repeat(b'x').take(1 << 25).chain(&b"\nnext\n"[..]);
        let mut lines = Lines::new(BufReader::new(huge));
        let first = lines.next_line().unwrap().unwrap();
        assert!(!first.is_whole);
        assert!(first.content.capacity() <= 4 * MAX_LINE_BYTES);
        let next = lines.next_line().unwrap().unwrap();
        assert_eq!((next.number, next.content), (2, b"next".to_vec()));
    }

    #[test]
    fn an_incomplete_line_before_a_failure_is_dropped() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let mut lines = Lines::new(BufReader::new((&b"one\ntw"[..]).chain(Broken)));
        assert_eq!(lines.next_line().unwrap().map(|line| line.number), Some(1));
        assert_eq!(lines.next_line().unwrap_err().to_string(), "broken");
        assert_eq!(lines.number(), 1);
    }
}
