//! The entries of a feed, from XML.

use std::fmt;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::reading_type::ReadingType;
use crate::error::FileError;

/// An entry: a resource, and its links.
#[derive(Debug, Default)]
pub struct Entry {
    /// Its address.
    pub own: String,
    /// The address of the collection that it is in.
    pub up: String,
    /// Addresses of resources that it refers to.
    pub related: Vec<String>,
    /// What it is.
    pub resource: Resource,
}

/// What an entry is.
#[derive(Debug, Default)]
pub enum Resource {
    /// Values of a reading type.
    IntervalBlock(Vec<IntervalReading>),
    /// Which reading type values have.
    MeterReading,
    /// What values mean.
    ReadingType(ReadingType),
    /// Anything else: a customer, a summary.
    #[default]
    Other,
}

/// A value, as it is written.
#[derive(Debug, Default, Clone)]
pub struct IntervalReading {
    /// Seconds since 1970.
    pub start: String,
    /// Seconds.
    pub duration: String,
    /// A number, in the unit of the reading type.
    pub value: String,
}

impl fmt::Display for IntervalReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "start {}, duration {}, value {}", self.start, self.duration, self.value)
    }
}

/// All entries of a feed. A block without an entry, as some exports have it, is one of its own.
///
/// # Errors
/// When the text is no XML, or is cut off.
pub fn entries(text: &str) -> Result<Vec<Entry>, FileError> {
    let mut reader = Reader::from_str(text);
    let mut parser = Parser::default();
    loop {
        match reader.read_event().map_err(|error| invalid(&error))? {
            Event::Start(element) => parser.open(&element, false)?,
            Event::Empty(element) => parser.open(&element, true)?,
            Event::Text(text) => parser.text(&text.unescape().map_err(|error| invalid(&error))?),
            Event::End(_) => parser.close(),
            Event::Eof if parser.path.is_empty() => return Ok(parser.entries),
            Event::Eof => return Err(FileError::shape("the XML is cut off")),
            _ => {}
        }
    }
}

fn invalid(error: &quick_xml::Error) -> FileError {
    FileError::shape(format!("this is no valid XML: {error}"))
}

/// Entries so far, and the elements that are open.
#[derive(Default)]
struct Parser {
    entries: Vec<Entry>,
    path: Vec<String>,
}

impl Parser {
    fn open(&mut self, element: &BytesStart<'_>, is_empty: bool) -> Result<(), FileError> {
        let name = String::from_utf8_lossy(element.local_name().as_ref()).into_owned();
        match name.as_str() {
            "entry" => self.entries.push(Entry::default()),
            "link" => self.add_link(element)?,
            "ReadingType" => self.begin(Resource::ReadingType(ReadingType::default())),
            "MeterReading" => self.begin(Resource::MeterReading),
            "IntervalBlock" => self.begin(Resource::IntervalBlock(Vec::new())),
            "IntervalReading" => {
                if let Some(Resource::IntervalBlock(readings)) = self.resource() {
                    readings.push(IntervalReading::default());
                }
            }
            _ => {}
        }
        if !is_empty {
            self.path.push(name);
        }
        Ok(())
    }

    fn begin(&mut self, resource: Resource) {
        let is_free =
            self.entries.last().is_some_and(|entry| matches!(entry.resource, Resource::Other));
        if !is_free {
            self.entries.push(Entry::default());
        }
        if let Some(entry) = self.entries.last_mut() {
            entry.resource = resource;
        }
    }

    fn resource(&mut self) -> Option<&mut Resource> {
        self.entries.last_mut().map(|entry| &mut entry.resource)
    }

    fn add_link(&mut self, element: &BytesStart<'_>) -> Result<(), FileError> {
        let attribute = |name| {
            let found = element.try_get_attribute(name);
            let found = found
                .map_err(|error| FileError::shape(format!("this is no valid XML: {error}")))?;
            Ok::<_, FileError>(found.map_or_else(String::new, |found| {
                String::from_utf8_lossy(&found.value).into_owned()
            }))
        };
        let (relation, address) = (attribute("rel")?, attribute("href")?);
        let Some(entry) = self.entries.last_mut() else { return Ok(()) };
        match relation.as_str() {
            "self" => entry.own = address,
            "up" => entry.up = address,
            _ => entry.related.push(address),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        let [.., parent, name] = self.path.as_slice() else { return };
        let (parent, name) = (parent.clone(), name.clone());
        match self.resource() {
            Some(Resource::ReadingType(kind)) if parent == "ReadingType" => {
                kind.set(&name, text.trim());
            }
            Some(Resource::IntervalBlock(readings)) => {
                let Some(reading) = readings.last_mut() else { return };
                match (parent.as_str(), name.as_str()) {
                    ("timePeriod", "start") => text.trim().clone_into(&mut reading.start),
                    ("timePeriod", "duration") => text.trim().clone_into(&mut reading.duration),
                    ("IntervalReading", "value") => text.trim().clone_into(&mut reading.value),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn close(&mut self) {
        self.path.pop();
    }
}
