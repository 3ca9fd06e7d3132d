//! Zip archives, and documents in zip archives, which are identified by the names of their members.

const SAVE_AS_CSV: &str = "save the sheet as CSV, in UTF-8 and separated by commas";

/// Signature of a local file header (APPNOTE.TXT 4.3.7). The length of the name is at 26, the name at 30.
const HEADER: &[u8] = b"PK\x03\x04";
const NAME_LENGTH_AT: usize = 26;
const NAME_AT: usize = 30;

/// How many names of members an error shows.
const MAX_SHOWN: usize = 3;

/// The longest plausible name; longer ones are garbage after a random signature.
const MAX_NAME_BYTES: usize = 256;

/// Identifies an archive; `None` if it is not one.
pub fn identify(head: &[u8]) -> Option<String> {
    if !head.starts_with(HEADER) {
        return None;
    }
    let members = members(head);
    let has = |folder: &str| members.iter().any(|name| name.starts_with(folder));
    let (document, advice) = if has("xl/") {
        ("an Excel workbook (.xlsx)", SAVE_AS_CSV)
    } else if has("word/") {
        ("a Word document (.docx)", "save the table as CSV")
    } else if has("ppt/") {
        ("a PowerPoint presentation (.pptx)", "save the table as CSV")
    } else if has("[Content_Types].xml") {
        ("an Office document (.xlsx, .docx)", SAVE_AS_CSV)
    } else if contains(head, b"application/vnd.oasis.opendocument.spreadsheet") {
        ("an OpenDocument spreadsheet (.ods)", SAVE_AS_CSV)
    } else if contains(head, b"application/vnd.oasis.opendocument") {
        ("an OpenDocument file (.odt, .odp)", "save the table as CSV")
    } else {
        return Some(archive(&members));
    };
    Some(format!("{document}; {advice}"))
}

/// Whether it is an archive of files, not a document.
pub fn is_archive(head: &[u8]) -> bool {
    identify(head).is_some_and(|text| text.starts_with("a zip archive"))
}

fn archive(members: &[String]) -> String {
    let shown: Vec<_> = members.iter().take(MAX_SHOWN).map(|name| format!("`{name}`")).collect();
    let shown = shown.join(", ");
    let more = if members.len() > MAX_SHOWN { ", …" } else { "" };
    let advice = "unpack it first, or send a member through `unzip -p`";
    if shown.is_empty() {
        format!("a zip archive; {advice}")
    } else {
        format!("a zip archive with {shown}{more}; {advice}")
    }
}

/// The names of the members whose headers are in these bytes.
fn members(bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(HEADER.len()).position(|window| window == HEADER) {
        rest = &rest[at..];
        names.extend(name(rest));
        rest = &rest[HEADER.len()..];
    }
    names
}

fn name(header: &[u8]) -> Option<String> {
    let length = header.get(NAME_LENGTH_AT..NAME_LENGTH_AT + 2)?.try_into().ok()?;
    let length = usize::from(u16::from_le_bytes(length));
    let name = header.get(NAME_AT..NAME_AT + length.min(MAX_NAME_BYTES + 1))?;
    let is_name = (1..=MAX_NAME_BYTES).contains(&name.len());
    let name = str::from_utf8(name).ok().filter(|_| is_name)?;
    (!name.chars().any(char::is_control)).then(|| name.to_owned())
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
