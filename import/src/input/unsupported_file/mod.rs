//! Detects files that are not text, and advises how to convert them.

mod zip;

#[cfg(test)]
mod tests;

/// How much of a suspicious file is read to identify it. Too low: an Excel workbook is mistaken for a zip archive. Too
/// high: blocks on a pipe until that many bytes have arrived.
pub const IDENTIFIED_BY_BYTES: u64 = 64 * 1024;

/// How many bytes show that a file may not be text.
pub const SUSPICIOUS_AFTER_BYTES: usize = 4;

/// Formats by their first bytes, as in the database of `file` (`magic(5)`).
const MAGIC: [(&[u8], &str); 23] = [
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Word file (.xls, .doc); save it as CSV"),
    (b"%PDF-", "a PDF document; export the readings as CSV or NDJSON where it was created"),
    (
        b"SQLite format 3\0",
        "an SQLite database; write a query's result with `sqlite3 -csv -header`",
    ),
    (b"PAR1", "a Parquet file; write it as CSV or NDJSON"),
    (b"ARROW1", "an Arrow file; write it as CSV or NDJSON"),
    (b"ORC", "an ORC file; write it as CSV or NDJSON"),
    (b"Obj\x01", "an Avro file; write it as CSV or NDJSON"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file; write it as CSV or NDJSON"),
    (b"{\\rtf", "a document in rich text format; save it as plain text, in UTF-8"),
    (b"\x1f\x8b", "compressed with gzip twice; unpack it once, or send it through `zcat`"),
    (b"\x1f\x9d", "compressed with compress; unpack it first, or send it through `zcat`"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it first, or send it through `zstdcat`"),
    (b"BZh", "compressed with bzip2; unpack it first, or send it through `bzcat`"),
    (b"\xfd7zXZ\0", "compressed with xz; unpack it first, or send it through `xzcat`"),
    (b"\x04\x22\x4d\x18", "compressed with lz4; unpack it first, or send it through `lz4cat`"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it first"),
    // UTF-32 before UTF-16, whose byte order mark is a prefix of UTF-32's.
    (b"\xff\xfe\0\0", "UTF-32 text; write it as UTF-8"),
    (b"\0\0\xfe\xff", "UTF-32 text; write it as UTF-8"),
    (b"\xff\xfe", "UTF-16 text; write it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text; write it as UTF-8"),
    (b"\xef\xbb\xbf", "text with two byte order marks; remove one of them"),
    (b"PK\x05\x06", "an empty zip archive"),
];

/// The file is not text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is {0}")]
pub struct UnsupportedFile(String);

/// Whether a file with these first bytes (after a byte order mark) needs to be identified by more of them.
pub fn is_suspicious(head: &[u8]) -> bool {
    let magic = &head[..head.len().min(SUSPICIOUS_AFTER_BYTES)];
    let is_known =
        |(known, _): &(&[u8], &str)| known.starts_with(magic) || magic.starts_with(known);
    !is_plain_text(head)
        || head.trim_ascii_start().starts_with(b"<")
        || (!magic.is_empty() && MAGIC.iter().any(is_known))
}

/// Identifies a file by its first bytes (after a byte order mark); `None` if it may be text.
pub fn identify(head: &[u8]) -> Option<UnsupportedFile> {
    let format = zip::identify(head)
        .or_else(|| by_magic(head))
        .or_else(|| tar(head))
        .or_else(|| markup(head))
        .or_else(|| wide_text_without_mark(head))
        .or_else(|| binary(head));
    format.map(UnsupportedFile)
}

/// Whether a file that is no text in UTF-8 may be an export all the same: UTF-16, XML, or an archive of files.
pub fn is_export(head: &[u8]) -> bool {
    let is_utf16 = matches!(head, [0xff, 0xfe, 0, 0, ..]) || matches!(head, [0, 0, 0xfe, 0xff, ..]);
    let is_utf16 = !is_utf16
        && (head.starts_with(b"\xff\xfe")
            || head.starts_with(b"\xfe\xff")
            || wide_text_without_mark(head).is_some_and(|text| text.starts_with("UTF-16")));
    is_utf16 || zip::is_archive(head) || markup(head).is_some_and(|text| text.starts_with("XML"))
}

fn by_magic(head: &[u8]) -> Option<String> {
    let (magic, format) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic))?;
    // A text may start with the letters of a format's signature.
    let is_sure = !magic.iter().all(u8::is_ascii_graphic) || !is_plain_text(head);
    (is_sure || matches!(magic.first(), Some(b'%' | b'{'))).then(|| (*format).to_owned())
}

fn tar(head: &[u8]) -> Option<String> {
    // In the header of the first member (POSIX.1-1988).
    let is_tar = head.get(257..262) == Some(b"ustar");
    is_tar.then(|| "a tar archive; unpack it first, or send a member through `tar -xO`".to_owned())
}

fn markup(head: &[u8]) -> Option<String> {
    /// How much of a document is searched for its first element.
    const HEAD_BYTES: usize = 1024;
    let text = head.trim_ascii_start();
    if !text.starts_with(b"<") {
        return None;
    }
    let head = String::from_utf8_lossy(&text[..text.len().min(HEAD_BYTES)]).to_ascii_lowercase();
    let is_html = ["<!doctype html", "<html", "<head", "<body", "<table"];
    Some(if is_html.iter().any(|tag| head.contains(tag)) {
        "an HTML page, perhaps an error or a login page in place of the file".to_owned()
    } else {
        "XML; write it as CSV or NDJSON".to_owned()
    })
}

/// UTF-16 and UTF-32 of ASCII characters: in each code unit all bytes but one are zero.
fn wide_text_without_mark(head: &[u8]) -> Option<String> {
    let pattern: Vec<bool> = head.iter().take(8).map(|&byte| byte == 0).collect();
    let encoding = match pattern[..] {
        [false, true, true, true, false, true, true, true]
        | [true, true, true, false, true, true, true, false] => "UTF-32",
        [false, true, false, true, false, true, false, true]
        | [true, false, true, false, true, false, true, false] => "UTF-16",
        _ => return None,
    };
    Some(format!("{encoding} text; write it as UTF-8"))
}

fn binary(head: &[u8]) -> Option<String> {
    let is_text = head.iter().all(|&byte| is_text_byte(byte));
    (head.contains(&0) || !(is_text || is_utf8(head))).then(|| "binary data, no text".to_owned())
}

fn is_plain_text(head: &[u8]) -> bool {
    head.iter().all(|&byte| is_text_byte(byte)) && is_utf8(head)
}

/// The last character may be incomplete.
fn is_utf8(head: &[u8]) -> bool {
    str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true)
}

/// White space, or not an ASCII control character. Form feed and Ctrl-Z end some old texts.
const fn is_text_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1a | b' '..=b'~' | 0x80..)
}
