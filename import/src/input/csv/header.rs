//! The header of a table: where the members of a reading are, or what is wrong with it.

use std::fmt;

use readings::iso8601;

use crate::input::row::{ReadError, RowFault};
use crate::input::unsupported_file::{self, Foreign};

/// The columns that a reading is made of; they are its members.
pub const COLUMNS: [&str; 4] = ["site_id", "device_id", "power_reading", "timestamp"];

/// How many names of columns are shown, and how much of each. Too low: the right one is not seen. Too
/// high: it is not found among the others.
const SHOWN_NAMES: usize = 12;
const SHOWN_CHARACTERS: usize = 40;

/// The file has no header from which readings could be made.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// Columns are not there.
    #[error("the CSV header has no column {missing}; its columns are {found}{hint}")]
    Missing {
        /// Those that are missing.
        missing: Names,
        /// Those that are there.
        found: Names,
        /// What may be meant.
        hint: String,
    },
    /// A column is there more than once.
    #[error("the CSV header has the column `{0}` more than once")]
    Ambiguous(&'static str),
    /// It is no row.
    #[error("the CSV header cannot be read: {0}")]
    NoRow(RowFault),
    /// The columns are separated by something else.
    #[error("the columns are separated by {0}; write the file with commas")]
    Separator(&'static str),
    /// What is one line has line ends of another kind in it.
    #[error("{}", CarriageReturns)]
    CarriageReturns,
    /// It is a JSON object or array.
    #[error("this is no CSV header but JSON; `--format ndjson` reads a file of one object a line")]
    Json,
    /// It is something else than text.
    #[error(transparent)]
    Foreign(#[from] Foreign),
    /// The file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
}

/// Lines end as they did on a Macintosh before 2001.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the lines end with a carriage return alone; send the file through `tr '\\r' '\\n'`, or save it \
     with other line ends"
)]
pub struct CarriageReturns;

/// Names of columns, shown one after the other; not all, and not whole, where they are many and long.
#[derive(Debug, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(ToOwned::to_owned).collect())
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.0.iter().take(SHOWN_NAMES).map(|name| shortened(name)).collect();
        write!(f, "`{}`", shown.join("`, `"))?;
        match self.0.len().saturating_sub(SHOWN_NAMES) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// Where the columns are.
#[derive(Debug)]
pub struct Header {
    width: usize,
    places: [usize; COLUMNS.len()],
}

impl Header {
    /// Finds the columns among the names of a header.
    ///
    /// # Errors
    /// When a column is missing or ambiguous.
    pub fn of(names: &[&str]) -> Result<Self, HeaderError> {
        let names: Vec<_> = names.iter().map(|name| name.trim()).collect();
        let missing: Vec<_> =
            COLUMNS.into_iter().filter(|column| !names.contains(column)).collect();
        if !missing.is_empty() {
            let hint = hint(&missing, &names);
            let (missing, found) = (Names::of(missing), Names::of(names));
            return Err(HeaderError::Missing { missing, found, hint });
        }
        let mut places = [0; COLUMNS.len()];
        for (place, column) in places.iter_mut().zip(COLUMNS) {
            let mut found = names.iter().enumerate().filter(|(_, name)| **name == column);
            *place = found.next().map_or(0, |(place, _)| place);
            if found.next().is_some() {
                return Err(HeaderError::Ambiguous(column));
            }
        }
        Ok(Self { width: names.len(), places })
    }

    /// The fields of the columns, in their order.
    ///
    /// # Errors
    /// When the row is wider or narrower than the header.
    pub fn pick<'a>(&self, fields: &[&'a str]) -> Result<[&'a str; COLUMNS.len()], RowFault> {
        let (expected, found) = (self.width, fields.len());
        if found != expected {
            return Err(RowFault::FieldCount { expected, found });
        }
        Ok(self.places.map(|place| fields.get(place).copied().unwrap_or_default()))
    }
}

fn hint(missing: &[&str], names: &[&str]) -> String {
    let is_value = |name: &&str| name.parse::<f64>().is_ok() || iso8601::parse(name).is_ok();
    if missing.len() == COLUMNS.len() && names.iter().any(is_value) {
        let header = COLUMNS.join(",");
        return format!(". The first line seems to be a row; it must be a header such as {header}");
    }
    other_spellings(missing, names)
}

/// Names that differ from those of missing columns only in case and punctuation.
fn other_spellings(missing: &[&str], names: &[&str]) -> String {
    let plain = |name: &str| -> String {
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let alike = |column: &&str| names.iter().find(|name| plain(name) == plain(column)).copied();
    let found: Vec<_> = missing
        .iter()
        .filter_map(|column| Some(format!("`{}` must be `{column}`", shortened(alike(column)?))))
        .collect();
    if found.is_empty() { String::new() } else { format!(": {}", found.join(", ")) }
}

/// What a line is that is no header of readings: `Ok` when it is one of other columns.
///
/// # Errors
/// When it is something else.
pub fn explain(line: &[u8]) -> Result<(), HeaderError> {
    if let Some(foreign) = unsupported_file::identify(line) {
        return Err(foreign.into());
    }
    let text = String::from_utf8_lossy(line);
    if text.trim_start().starts_with(['{', '[']) {
        return Err(HeaderError::Json);
    }
    if text.contains('\r') {
        return Err(HeaderError::CarriageReturns);
    }
    let count = |separator| text.matches(separator).count();
    let others = [(';', "`;`"), ('\t', "tabs"), ('|', "`|`")];
    let most = others.into_iter().max_by_key(|(separator, _)| count(*separator));
    match most {
        Some((separator, name)) if count(separator) > count(',') => {
            Err(HeaderError::Separator(name))
        }
        _ => Ok(()),
    }
}

/// Whether a line may be the header of a table of readings, whatever separates its columns.
pub fn is_one(line: &str) -> bool {
    let is_column = |name: &str| COLUMNS.contains(&name.trim().trim_matches('"'));
    line.split([',', ';', '\t', '|']).filter(|name| is_column(name)).count() > 1
}
