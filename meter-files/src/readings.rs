//! From values to readings: power at instants, of which step-hold gives the energy of the file back.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::error::{FileError, RowError};
use crate::report::Report;
use crate::track::{Sample, Track};
use crate::value::{Content, Reader, Row, Value};

/// The device of files that name none.
pub const DEFAULT_DEVICE: &str = "meter";

/// A reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The line of the row, from 1.
    pub line: u64,
    /// The text of the row.
    pub text: Arc<str>,
    /// The site.
    pub site: String,
    /// The device.
    pub device: String,
    /// Power in W, rounded to a millionth.
    pub watts: f64,
    /// The instant, to the microsecond.
    pub at: DateTime<Utc>,
}

/// The next of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A reading.
    Reading(Reading),
    /// A row that cannot be read.
    Invalid {
        /// Its line, from 1.
        line: u64,
        /// Its text.
        text: String,
        /// Why.
        error: RowError,
    },
}

/// The readings of a file, in its order.
pub struct Readings {
    reader: Box<dyn Reader>,
    site: Option<String>,
    device: Option<String>,
    default_device: String,
    max_power: Option<f64>,
    /// The only device of a file whose device is named by the command.
    only_device: Option<String>,
    tracks: HashMap<(String, String), Track>,
    queue: VecDeque<Item>,
    has_ended: bool,
    report: Report,
}

impl Readings {
    /// The readings of a reader's rows, of this site and device instead of those in the file.
    #[must_use]
    pub fn new(
        reader: Box<dyn Reader>,
        site: Option<String>,
        device: Option<String>,
        default_device: Option<String>,
        max_power: Option<f64>,
    ) -> Self {
        let default_device = default_device.unwrap_or_else(|| DEFAULT_DEVICE.to_owned());
        let (tracks, queue, report) = (HashMap::new(), VecDeque::new(), Report::default());
        Self {
            reader,
            site,
            device,
            default_device,
            max_power,
            only_device: None,
            tracks,
            queue,
            has_ended: false,
            report,
        }
    }

    /// What came out so far; final after the end.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The next reading, or row without one; `None` at the end.
    ///
    /// # Errors
    /// When the rest of the file cannot be read.
    pub fn next_item(&mut self) -> Result<Option<Item>, FileError> {
        while self.queue.is_empty() && !self.has_ended {
            match self.reader.next_row()? {
                Some(row) => self.add_row(row),
                None => self.end(),
            }
        }
        Ok(self.queue.pop_front())
    }

    fn add_row(&mut self, row: Row) {
        let Row { line, text, content } = row;
        let (values, missing) = match content {
            Content::Values { values, missing } => (values, missing),
            Content::Ignored => {
                self.report.ignored_lines += 1;
                return;
            }
            Content::Invalid(error) => {
                self.queue.push_back(Item::Invalid { line, text, error });
                return;
            }
        };
        self.report.missing_values += missing;
        let shared: Arc<str> = text.as_str().into();
        for value in values {
            if let Err(error) = self.add_value(line, &shared, &value) {
                self.queue.push_back(Item::Invalid { line, text, error });
                return;
            }
        }
    }

    fn add_value(&mut self, line: u64, text: &Arc<str>, value: &Value) -> Result<(), RowError> {
        let site = self.site_of(value)?;
        let device = self.device_of(value)?;
        let key = (site, device);
        let track = self.tracks.entry(key.clone()).or_default();
        let mut samples = Vec::new();
        track.add(value, (line, text), self.max_power, &mut samples, &mut self.report)?;
        self.report.add_energy(&key.1, track.take_energy());
        self.push(&key, samples);
        Ok(())
    }

    fn site_of(&self, value: &Value) -> Result<String, RowError> {
        let site = self.site.as_ref().or(value.site.as_ref());
        site.cloned()
            .ok_or_else(|| RowError::new("site", "the row names none; choose it by --site"))
    }

    fn device_of(&mut self, value: &Value) -> Result<String, RowError> {
        let base = match (&self.device, &value.device) {
            (Some(device), Some(named)) => {
                let only = self.only_device.get_or_insert_with(|| named.clone());
                if only != named {
                    let rule = format!(
                        "the file has `{only}` and `{named}`; leave --device out to keep them apart"
                    );
                    return Err(RowError::new("device", rule));
                }
                device
            }
            (Some(device), None) | (None, Some(device)) => device,
            (None, None) => &self.default_device,
        };
        Ok(format!("{base}{}", value.channel))
    }

    fn push(&mut self, (site, device): &(String, String), samples: Vec<Sample>) {
        for Sample { line, text, watts, at } in samples {
            self.report.add_reading(at);
            let (site, device) = (site.clone(), device.clone());
            self.queue.push_back(Item::Reading(Reading { line, text, site, device, watts, at }));
        }
    }

    /// Closes the last interval of each device, in the order of their names.
    fn end(&mut self) {
        self.has_ended = true;
        let mut tracks: Vec<_> = std::mem::take(&mut self.tracks).into_iter().collect();
        tracks.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (key, mut track) in tracks {
            let mut samples = Vec::new();
            track.close(&mut samples, &mut self.report);
            self.push(&key, samples);
        }
    }
}
