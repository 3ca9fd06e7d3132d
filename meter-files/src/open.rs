//! Opens a file: finds its shape and its reader.

use std::io::BufRead;

use crate::archive;
use crate::error::FileError;
use crate::profile::{Profile, ProfileChoice};
use crate::readings::Readings;
use crate::shape::{Kind, Shape};
use crate::text::Text;
use crate::understood::Understood;
use crate::value::Opened;
use crate::{days, green_button, influx_csv, json, nem12, table};

/// What the command says about a file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The site of all readings, instead of a column.
    pub site: Option<String>,
    /// The device of all readings, instead of a column.
    pub device: Option<String>,
    /// The profile.
    pub profile: ProfileChoice,
    /// What is said by hand; it overrides the profile.
    pub shape: Shape,
}

/// A file that is understood.
pub struct MeterFile {
    /// What was understood.
    pub understood: Understood,
    /// Its readings.
    pub readings: Readings,
}

/// Reads the head of a file, and finds its shape.
///
/// # Errors
/// When the file cannot be read as readings, or does not say how.
pub fn open(
    bytes: impl BufRead + Send + 'static,
    options: Options,
) -> Result<MeterFile, FileError> {
    let (bytes, archived) = archive::unpacked(bytes)?;
    let text = Text::read(bytes).map_err(|reason| FileError::Read { line: 0, reason })?;
    let profile = options.profile.find(&text)?;
    let (origin, shape) = match profile {
        Some(Profile { name, title, shape, .. }) => {
            (format!("profile {name} ({title})"), options.shape.or(shape))
        }
        None => ("no profile".to_owned(), Shape { kind: kind_of(&text), ..options.shape }),
    };
    let encoding = text.encoding();
    let device = options.device;
    let default_device = shape.device.clone();
    let (max_power, knows_site) =
        (shape.max_power, options.site.is_some() || shape.columns.site.is_some());
    let (reader, mut understood) = open_kind(text, &shape)?;
    if !knows_site {
        return Err(FileError::unclear(
            "the file does not name the site of its readings",
            "--site SITE",
        ));
    }
    understood.profile = origin;
    if encoding != "UTF-8" {
        understood.notes.push(format!("the text is {encoding}"));
    }
    understood.notes.extend(archived.map(|name| format!("it is `{name}` of a zip archive")));
    let readings = Readings::new(reader, options.site, device, default_device, max_power);
    Ok(MeterFile { understood, readings })
}

/// The kind of a file without a profile: JSON by its first character, else a table.
fn kind_of(text: &Text) -> Kind {
    if text.head().trim_start().starts_with(['[', '{']) { Kind::Json } else { Kind::Table }
}

fn open_kind(text: Text, shape: &Shape) -> Result<Opened, FileError> {
    match shape.kind {
        Kind::Table if shape.values.is_empty() && days::is_table_of_days(&text) => {
            days::open(text, shape)
        }
        Kind::Table => table::open(text, shape),
        Kind::Days => days::open(text, shape),
        Kind::Json => json::open(text, shape),
        Kind::Nem12 => nem12::open(text, shape),
        Kind::GreenButton => green_button::open(text),
        Kind::InfluxCsv => influx_csv::open(text, shape),
    }
}
