//! What a file is that is no text: said with the way to readings.

mod zip;

#[cfg(test)]
mod tests;

/// How much of a file is looked at. Too low and an Excel workbook is only a zip archive; too high
/// and that much of a pipe is waited for.
pub const LOOKED_AT_BYTES: u64 = 64 * 1024;

/// The bytes by which it is seen that a file may be something else than text.
pub const SUSPICIOUS_AFTER_BYTES: usize = 4;

/// Formats by their first bytes, which are those that `file` (its `magic(5)`) goes by.
const MAGIC: [(&[u8], &str); 22] = [
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Word file (.xls, .doc); save it as CSV"),
    (b"%PDF-", "a PDF document; the readings must come from where it was made, as CSV or NDJSON"),
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
    // UTF-32 before UTF-16, whose mark is the beginning of its.
    (b"\xff\xfe\0\0", "UTF-32 text; write it as UTF-8"),
    (b"\0\0\xfe\xff", "UTF-32 text; write it as UTF-8"),
    (b"\xff\xfe", "UTF-16 text; write it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text; write it as UTF-8"),
    (b"PK\x05\x06", "an empty zip archive"),
];

/// A file is something else than text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is {0}")]
pub struct Foreign(String);

/// Whether a file that begins like this, without byte order mark, should be looked at more closely.
pub fn is_suspicious(opening: &[u8]) -> bool {
    let magic = &opening[..opening.len().min(SUSPICIOUS_AFTER_BYTES)];
    let is_known =
        |(known, _): &(&[u8], &str)| known.starts_with(magic) || magic.starts_with(known);
    !is_plain_text(opening)
        || opening.trim_ascii_start().starts_with(b"<")
        || (!magic.is_empty() && MAGIC.iter().any(is_known))
}

/// Says what a file is that begins like this, without byte order mark; `None` for what may be text.
pub fn identify(opening: &[u8]) -> Option<Foreign> {
    let what = zip::identify(opening)
        .or_else(|| by_magic(opening))
        .or_else(|| tar(opening))
        .or_else(|| markup(opening))
        .or_else(|| text_without_mark(opening))
        .or_else(|| binary(opening));
    what.map(Foreign)
}

fn by_magic(opening: &[u8]) -> Option<String> {
    let (magic, what) = MAGIC.iter().find(|(magic, _)| opening.starts_with(magic))?;
    // A text may begin with letters that are also the name of a format.
    let is_sure = !magic.iter().all(u8::is_ascii_graphic) || !is_plain_text(opening);
    (is_sure || matches!(magic.first(), Some(b'%' | b'{'))).then(|| (*what).to_owned())
}

fn tar(opening: &[u8]) -> Option<String> {
    // In the header of the first member (POSIX.1-1988).
    let is_tar = opening.get(257..262) == Some(b"ustar");
    is_tar.then(|| "a tar archive; unpack it first, or send a member through `tar -xO`".to_owned())
}

fn markup(opening: &[u8]) -> Option<String> {
    /// How far the first element of a document is looked for.
    const HEAD_BYTES: usize = 1024;
    let text = opening.trim_ascii_start();
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

/// UTF-16 and UTF-32 of ASCII characters: in each unit all bytes but one are zero.
fn text_without_mark(opening: &[u8]) -> Option<String> {
    let pattern: Vec<bool> = opening.iter().take(8).map(|&byte| byte == 0).collect();
    let encoding = match pattern[..] {
        [false, true, true, true, false, true, true, true]
        | [true, true, true, false, true, true, true, false] => "UTF-32",
        [false, true, false, true, false, true, false, true]
        | [true, false, true, false, true, false, true, false] => "UTF-16",
        _ => return None,
    };
    Some(format!("{encoding} text; write it as UTF-8"))
}

fn binary(opening: &[u8]) -> Option<String> {
    let is_text = opening.iter().all(|&byte| is_of_text(byte));
    (opening.contains(&0) || !(is_text || is_utf8(opening)))
        .then(|| "binary data, no text".to_owned())
}

fn is_plain_text(opening: &[u8]) -> bool {
    opening.iter().all(|&byte| is_of_text(byte)) && is_utf8(opening)
}

/// A character may be cut off at the end.
fn is_utf8(opening: &[u8]) -> bool {
    str::from_utf8(opening).map_or_else(|error| error.error_len().is_none(), |_| true)
}

/// White space, or no control character of ASCII. Form feeds and Ctrl-Z end some texts of old.
const fn is_of_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1a | b' '..=b'~' | 0x80..)
}
