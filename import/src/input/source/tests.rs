use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn source(bytes: impl Into<Vec<u8>>) -> Source {
    Source::new(Cursor::new(bytes.into()), None)
}

fn read_all(bytes: impl Into<Vec<u8>>) -> io::Result<(String, Option<u8>)> {
    let mut text = source(bytes).into_text()?;
    let mut all = String::new();
    text.reader.read_to_string(&mut all)?;
    Ok((all, text.first))
}

fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn plain_text_is_read_as_it_is() {
    assert_eq!(read_all("{}\n{}\n").unwrap(), ("{}\n{}\n".to_owned(), Some(b'{')));
    assert_eq!(read_all("\n\n  a,b").unwrap(), ("\n\n  a,b".to_owned(), Some(b'a')));
    assert_eq!(read_all("5").unwrap(), ("5".to_owned(), Some(b'5')));
}

#[test]
fn text_of_white_space_has_no_first_character() {
    assert_eq!(read_all("").unwrap(), (String::new(), None));
    assert_eq!(read_all("\r\n \n").unwrap().1, None);
    let blank = " ".repeat(2 * MAX_SNIFFED_BYTES);
    assert_eq!(read_all(format!("{blank}x")).unwrap(), (format!("{blank}x"), None));
}

#[test]
fn a_byte_order_mark_is_dropped() {
    assert_eq!(read_all("\u{feff}{}\n").unwrap(), ("{}\n".to_owned(), Some(b'{')));
    assert_eq!(read_all(gzip("\u{feff}a,b\n")).unwrap(), ("a,b\n".to_owned(), Some(b'a')));
    assert_eq!(read_all("\u{feff}").unwrap(), (String::new(), None));
}

#[test]
fn gzip_is_detected_by_its_first_bytes_and_all_its_members_are_read() {
    let members = [gzip("{}\n"), gzip(""), gzip("[]\n")].concat();
    assert_eq!(read_all(members).unwrap(), ("{}\n[]\n".to_owned(), Some(b'{')));
}

#[test]
fn truncated_or_corrupt_gzip_yields_the_intact_text_and_then_an_error() {
    let text: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
    let text = text.join("\n");
    let whole = gzip(&text);
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    let mut wrong_sum = whole.clone();
    let sum = wrong_sum.len() - 8;
    wrong_sum[sum] ^= 1;
    let cut = [io::ErrorKind::UnexpectedEof; 2];
    let bad = [io::ErrorKind::InvalidInput, io::ErrorKind::InvalidData];
    for (bytes, kinds, good) in [
        (whole[..middle].to_vec(), cut, 10_000),
        (whole[..whole.len() - 1].to_vec(), cut, text.len()),
        (damaged, bad, 10_000), // what was damaged may become text before it is noticed
        (wrong_sum, bad, text.len()),
    ] {
        let mut reader = source(bytes).into_text().unwrap().reader;
        let mut read = Vec::new();
        let error = reader.read_to_end(&mut read).expect_err("bad gzip");
        assert!(kinds.contains(&error.kind()), "{error:?}");
        assert_eq!(read[..good], text.as_bytes()[..good]);
    }
}

#[test]
fn other_formats_than_text_are_named() {
    for (bytes, name) in [
        (&b"\xfd7zXZ\0\0\0"[..], "xzcat"),
        (b"\xff\xfe{\0}\0", "UTF-16"),
        (b" \n\n\n\n\n<html>", "HTML"),
        (b"\xef\xbb\xbf\xef\xbb\xbfsite_id,device_id\n", "two byte order marks"),
        (b"\xef\xbb\xbf<?xml version=\"1.0\"?>", "XML"),
    ] {
        for bytes in [bytes.to_vec(), gzip(bytes)] {
            let error = read_all(bytes).expect_err(name).to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}

#[test]
fn text_that_starts_like_another_format_is_read() {
    for text in ["BZhaus,site_id\n1,2\n", "ORC", "PAR10;1", "%P,1\n", "{\"\\u0000\":1}"] {
        let (read, first) = read_all(text).unwrap();
        assert_eq!((read.as_str(), first), (text, text.bytes().next()));
    }
}

#[test]
fn the_byte_counter_counts_compressed_bytes() {
    let bytes = gzip("{}\n".repeat(100_000));
    let length = bytes.len() as u64;
    let source = source(bytes);
    let byte_counter = source.byte_counter();
    assert_eq!(byte_counter.read(), 0);
    io::copy(&mut source.into_text().unwrap().reader, &mut io::sink()).unwrap();
    assert_eq!(byte_counter.read(), length);
}

#[test]
fn only_the_bytes_needed_for_detection_are_read_ahead() {
    struct Slow(&'static [u8]);
    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let (first, rest) = self.0.split_first().expect("read ahead");
            self.0 = rest;
            buffer[0] = *first;
            Ok(1)
        }
    }
    let text = Source::new(Slow(b"  {\"a"), None).into_text().unwrap();
    assert_eq!(text.first, Some(b'{'));
}

#[test]
fn a_directory_is_not_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let error = Source::open(directory.path()).err().expect("a directory");
    assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    let error = Source::open(&directory.path().join("none")).err().expect("no file");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
