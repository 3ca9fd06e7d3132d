//! A zip archive with one file, as portals send it.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::CrcReader;
use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use crate::error::FileError;

/// Signature of a local file header (APPNOTE.TXT 4.3.7).
const SIGNATURE: &[u8] = b"PK\x03\x04";

/// The largest archive, compressed. Too low: years of minutes are refused. Too high: memory, as the directory is at its end.
const MAX_ARCHIVE_BYTES: u64 = 256 * 1024 * 1024;

/// Folders and files that archivers add.
const IGNORED: [&str; 3] = ["__MACOSX/", ".DS_Store", "Thumbs.db"];

/// The bytes of the file in an archive, and its name; the bytes as they are if they are no archive.
///
/// # Errors
/// When the archive is damaged, too large or encrypted, or has several files.
pub fn unpacked(
    mut bytes: impl BufRead + Send + 'static,
) -> Result<(Box<dyn BufRead + Send>, Option<String>), FileError> {
    let failed = |reason| FileError::Read { line: 0, reason };
    let mut start = Vec::new();
    bytes.by_ref().take(SIGNATURE.len() as u64).read_to_end(&mut start).map_err(failed)?;
    let is_archive = start == SIGNATURE;
    let bytes = Cursor::new(start).chain(bytes);
    if !is_archive {
        return Ok((Box::new(bytes), None));
    }
    let mut archive = Vec::new();
    bytes.take(MAX_ARCHIVE_BYTES + 1).read_to_end(&mut archive).map_err(failed)?;
    if archive.len() as u64 > MAX_ARCHIVE_BYTES {
        let limit = MAX_ARCHIVE_BYTES / (1024 * 1024);
        return Err(FileError::shape(format!(
            "the zip archive is larger than {limit} MB; unpack it first"
        )));
    }
    let member = Member::find(&archive)?;
    let name = member.name.clone();
    Ok((member.into_reader(archive)?, Some(name)))
}

/// Whether it is no folder, and no file that an archiver has added.
#[expect(clippy::ptr_arg, reason = "a filter of strings")]
fn is_file(name: &String) -> bool {
    !name.ends_with('/') && !IGNORED.iter().any(|part| name.contains(part))
}

/// Where the only file of an archive is.
struct Member {
    name: String,
    method: CompressionMethod,
    start: u64,
    compressed: u64,
    checksum: u32,
}

impl Member {
    fn find(archive: &[u8]) -> Result<Self, FileError> {
        let damaged = |error| FileError::shape(format!("the zip archive is damaged: {error}"));
        let mut archive = ZipArchive::new(Cursor::new(archive)).map_err(damaged)?;
        let names = archive.file_names().collect::<Result<Vec<_>, _>>().map_err(damaged)?;
        let names: Vec<String> = names.into_iter().map(Into::into).filter(is_file).collect();
        let [name] = names.as_slice() else {
            let shown = names.iter().take(5).cloned().collect::<Vec<_>>().join("`, `");
            let question = format!("the zip archive has {} files: `{shown}`", names.len());
            return Err(FileError::shape(format!("{question}; unpack it, and import each")));
        };
        let place = archive.index_for_name(name).unwrap_or_default();
        let file = archive.by_index_raw(place).map_err(damaged)?;
        if file.encrypted() {
            return Err(FileError::shape("the zip archive is encrypted; unpack it first"));
        }
        let start = file.data_start().unwrap_or_default();
        let (method, compressed, checksum) =
            (file.compression(), file.compressed_size(), file.crc32());
        Ok(Self { name: name.clone(), method, start, compressed, checksum })
    }

    fn into_reader(self, archive: Vec<u8>) -> Result<Box<dyn BufRead + Send>, FileError> {
        let mut bytes = Cursor::new(archive);
        bytes.set_position(self.start);
        let bytes = bytes.take(self.compressed);
        let checksum = self.checksum;
        Ok(match self.method {
            CompressionMethod::STORE => Box::new(BufReader::new(Checked::new(bytes, checksum))),
            CompressionMethod::DEFLATE => {
                Box::new(BufReader::new(Checked::new(DeflateDecoder::new(bytes), checksum)))
            }
            other => {
                return Err(FileError::shape(format!(
                    "the zip archive is compressed with {other}; unpack it first"
                )));
            }
        })
    }
}

/// Compares the checksum at the end: a damaged file must not end as if it were shorter.
struct Checked<R> {
    bytes: CrcReader<R>,
    expected: u32,
}

impl<R: Read> Checked<R> {
    fn new(bytes: R, expected: u32) -> Self {
        Self { bytes: CrcReader::new(bytes), expected }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        if read == 0 && !buffer.is_empty() && self.bytes.crc().sum() != self.expected {
            return Err(io::Error::other(
                "the file in the zip archive is damaged: its checksum differs",
            ));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::DeflateEncoder;
    use flate2::{Compression, Crc};

    use super::*;

    /// An archive of files, deflated, as APPNOTE.TXT 4.3 describes it.
    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut archive, mut directory) = (Vec::new(), Vec::new());
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
        for (name, content) in files {
            let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
            deflated.write_all(content).unwrap();
            let deflated = deflated.finish().unwrap();
            let mut crc = Crc::new();
            crc.update(content);
            let length = u16::try_from(name.len()).unwrap().to_le_bytes();
            let mut common = b"\x14\0\0\0\x08\0\0\0\x21\0".to_vec();
            common.extend([crc.sum().to_le_bytes(), size(&deflated), size(content)].concat());
            common.extend([length, [0, 0]].concat());
            let offset = size(&archive);
            archive.extend([SIGNATURE, &common, name.as_bytes(), &deflated].concat());
            directory.extend(
                [&b"PK\x01\x02\x14\0"[..], &common, &[0; 10], &offset, name.as_bytes()].concat(),
            );
        }
        let count = u16::try_from(files.len()).unwrap().to_le_bytes();
        let end = [
            &b"PK\x05\x06\0\0\0\0"[..],
            &count,
            &count,
            &size(&directory),
            &size(&archive),
            &[0, 0],
        ];
        let end = end.concat();
        [archive, directory, end].concat()
    }

    fn text(bytes: Vec<u8>) -> Result<String, String> {
        let (mut reader, _) = unpacked(Cursor::new(bytes)).map_err(|error| error.to_string())?;
        let mut text = String::new();
        reader.read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    #[test]
    fn the_only_file_of_an_archive_is_read() {
        let table = "time,kWh\n".repeat(50_000);
        let bytes = archive(&[("__MACOSX/._a.csv", b"x"), ("export/a.csv", table.as_bytes())]);
        assert!(text(bytes) == Ok(table));
        assert_eq!(text(b"time,kWh\n".to_vec()), Ok("time,kWh\n".to_owned()));
    }

    #[test]
    fn an_archive_of_several_files_names_them() {
        let error = text(archive(&[("a.csv", b"1"), ("b.csv", b"2")])).expect_err("two files");
        assert!(error.contains("2 files: `a.csv`, `b.csv`; unpack it"), "{error}");
    }

    #[test]
    fn a_damaged_file_does_not_end_as_if_it_were_whole() {
        let mut bytes = archive(&[("a.csv", b"time,kWh\n")]);
        // In the checksum of the local header and of the directory.
        let crcs: Vec<_> = [14, bytes.len() - 22 - 46 - 5 + 16].into();
        for place in crcs {
            bytes[place] ^= 1;
        }
        assert!(text(bytes).is_err_and(|error| error.contains("damaged")));
    }
}
