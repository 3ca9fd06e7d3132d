use super::*;

fn name(bytes: &[u8]) -> String {
    let magic = &bytes[..bytes.len().min(SUSPICIOUS_AFTER_BYTES)];
    assert!(is_suspicious(magic) || bytes.trim_ascii_start().starts_with(b"<"), "{bytes:?}");
    identify(bytes).map(|unsupported| unsupported.to_string()).unwrap_or_default()
}

/// The header of a member, with its name and the beginning of its content.
fn member(name: &str, content: &str) -> Vec<u8> {
    let mut header = b"PK\x03\x04\x14\0\x08\x08\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    header.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    header.extend([0, 0]);
    header.extend(name.bytes().chain(content.bytes()));
    header
}

fn zip(members: &[&str]) -> Vec<u8> {
    members.iter().flat_map(|name| member(name, "\u{1}\u{2}content")).collect()
}

#[test]
fn zip_archives_are_identified_by_their_members() {
    let content_types = "[Content_Types].xml";
    for (members, what) in [
        (
            &[content_types, "_rels/.rels", "xl/workbook.xml"][..],
            "this is an Excel workbook (.xlsx)",
        ),
        (&["docProps/app.xml", content_types, "xl/styles.xml"], "Excel"),
        (&[content_types, "word/document.xml"], "Word"),
        (&[content_types, "ppt/presentation.xml"], "PowerPoint"),
        (&[content_types, "_rels/.rels"], "an Office document"),
        (&["a.csv", "b/ü.csv"], "a zip archive with `a.csv`, `b/ü.csv`; unpack"),
        (&["1", "2", "3", "4"], "`3`, …"),
        (&["\u{1b}[31m"], "a zip archive; unpack"),
    ] {
        let found = name(&zip(members));
        assert!(found.contains(what), "{members:?}: {found}");
    }
    for (kind, what) in [("spreadsheet", "OpenDocument spreadsheet"), ("text", ".odt")] {
        let content = format!("application/vnd.oasis.opendocument.{kind}");
        let found = name(&member("mimetype", &content));
        assert!(found.contains(what), "{found}");
    }
    assert!(name(b"PK\x03\x04").contains("a zip archive"));
    assert!(name(b"PK\x05\x06\0\0").contains("an empty zip archive"));
}

#[test]
fn a_tar_archive_is_identified_by_its_first_header() {
    let mut header = b"readings.csv".to_vec();
    header.resize(257, 0);
    header.extend(b"ustar\x0000");
    assert!(identify(&header).unwrap().to_string().contains("tar archive"));
}

#[test]
fn formats_are_identified_by_their_first_bytes() {
    for (bytes, what) in [
        (&b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0"[..], ".xls"),
        (b"%PDF-1.7\n%\xe2\xe3\n", "PDF"),
        (b"SQLite format 3\0\x10", "sqlite3 -csv"),
        (b"PAR1\x15\x04\x15", "Parquet"),
        (b"\x1f\x8b\x08\0", "gzip twice"),
        (b"\x28\xb5\x2f\xfdrest", "zstdcat"),
        (b"BZh91AY&SY\x01", "bzcat"),
        (b"\xfd7zXZ\0", "xzcat"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b"{\\rtf1\\ansi", "rich text"),
        (b"\x89PNG\r\n\x1a\n\0\0", "binary data"),
        (b"abc\0def", "binary data"),
        (b"\x01\xff\xfe", "binary data"),
        (b"<?xml version=\"1.0\"?><feed>", "XML"),
        (b"<feed xmlns=\"x\">", "XML"),
        (b"<!DOCTYPE html><title>", "HTML"),
        (b"<?xml version=\"1.0\"?><html>", "HTML"),
        (b"\n<HTML>", "HTML"),
    ] {
        let found = name(bytes);
        assert!(found.contains(what), "{bytes:?}: {found}");
    }
}

#[test]
fn encodings_are_identified_with_and_without_a_byte_order_mark() {
    let wide = |text: &str, width: usize, place: usize| -> Vec<u8> {
        text.bytes()
            .flat_map(|byte| (0..width).map(move |at| if at == place { byte } else { 0 }))
            .collect()
    };
    for (bytes, what) in [
        (b"\xff\xfe\0\0s\0\0\0".to_vec(), "UTF-32"),
        (b"\0\0\xfe\xff\0\0\0s".to_vec(), "UTF-32"),
        (b"\xff\xfes\0i\0".to_vec(), "UTF-16"),
        (b"\xfe\xff\0s\0i".to_vec(), "UTF-16"),
        (wide("site_id", 4, 0), "UTF-32"),
        (wide("site_id", 4, 3), "UTF-32"),
        (wide("site_id", 2, 0), "UTF-16"),
        (wide("site_id", 2, 1), "UTF-16"),
    ] {
        let found = name(&bytes);
        assert!(found.contains(what), "{bytes:?}: {found}");
    }
}

#[test]
fn text_is_supported() {
    for text in [
        "site_id,device_id\r\n",
        "\té;ü\n\x1a",
        "{\"a\":1}",
        "BZhaus,x\n",
        "ORCA,x",
        "\x1b[31m",
        "",
    ] {
        assert_eq!(identify(text.as_bytes()), None, "{text:?}");
    }
}
