//! Which topics and payloads are which readings.
//!
//! | file | what it owns |
//! |---|---|
//! | [`profile`] | the file of a profile |
//! | `profiles` | the built-in ones, `mqtt/profiles/*.toml` |
//! | [`topic_pattern`], `template` | patterns of topics, texts with their names |
//! | `value` | numbers and times in payloads |
//! | [`error`] | why a profile cannot be used |

pub mod error;
pub mod profile;
mod profiles;
mod template;
#[cfg(test)]
mod tests;
pub mod topic_pattern;
mod value;

use std::path::Path;

use chrono::{DateTime, Utc};
use readings::Reading;
use readings::validation::{ErrorKind, Location, ValidationError, parse_fields, parse_reading};
use serde_json::Value;

pub use self::error::ProfileError;
use self::profile::{Mapping, PayloadKind, ProfileFile};
pub use self::profiles::profile_names;
use self::topic_pattern::{Names, TopicPattern, without_covered};
use self::value::{PowerText, power_of_json, power_of_text, rfc3339, timestamp_of};

/// All mappings of a bridge, by their ranks from the highest on.
#[derive(Debug, Clone, Default)]
pub struct Mappings {
    ranked: Vec<(usize, Mapping)>,
    ignored: Vec<(TopicPattern, String)>,
    /// The site of readings whose mapping has none.
    site: String,
}

/// What a message is.
#[derive(Debug, PartialEq)]
pub enum Mapped {
    /// Readings, or the rules that they break.
    Readings(Vec<Result<MappedReading, Vec<ValidationError>>>),
    /// Its topic is known, and the message has no power.
    Ignored,
    /// No mapping has its topic.
    Unmapped,
}

/// A reading of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedReading {
    /// The reading.
    pub reading: Reading,
    /// Whether its time is the one of the message, not that of the arrival.
    pub has_own_time: bool,
}

impl Mappings {
    /// Mappings without any, of readings of this site.
    #[must_use]
    pub fn of_site(site: &str) -> Self {
        Self { site: site.to_owned(), ..Self::default() }
    }

    /// Adds the built-in profile of this name. Of several that have a topic, the one with more fixed levels is tried
    /// first; those of a file are tried before all.
    ///
    /// # Errors
    /// When no profile has this name, or it cannot be used.
    pub fn add_profile(&mut self, name: &str) -> Result<(), ProfileError> {
        self.add(name, &profiles::text(name)?, TopicPattern::literal_levels)
    }

    /// Adds the mappings of a file.
    ///
    /// # Errors
    /// When it cannot be read, or is no profile.
    pub fn add_file(&mut self, path: &Path) -> Result<(), ProfileError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| ProfileError::Unreadable(path.to_owned(), error))?;
        self.add(&path.display().to_string(), &text, |_| usize::MAX)
    }

    /// Adds mappings with a rank each: one of a higher rank is tried before, and with equal ones the first.
    fn add(
        &mut self,
        name: &str,
        text: &str,
        rank: impl Fn(&TopicPattern) -> usize,
    ) -> Result<(), ProfileError> {
        let file: ProfileFile = toml::from_str(text)
            .map_err(|error| ProfileError::Syntax(name.to_owned(), error.to_string()))?;
        let in_file =
            |error: ProfileError| ProfileError::Syntax(name.to_owned(), error.to_string());
        for row in &file.mapping {
            let mapping = Mapping::parse(row).map_err(in_file)?;
            let rank = rank(&mapping.topic);
            let at = self.ranked.partition_point(|(known, _)| *known >= rank);
            self.ranked.insert(at, (rank, mapping));
        }
        for row in file.ignore {
            let topic = TopicPattern::parse(&row.topic).map_err(|error| in_file(error.into()))?;
            self.ignored.push((topic, row.reason));
        }
        Ok(())
    }

    /// The topic filters to subscribe to, each topic by one of them.
    #[must_use]
    pub fn filters(&self) -> Vec<String> {
        without_covered(self.ranked.iter().map(|(_, mapping)| mapping.topic.filter()).collect())
    }

    /// The readings of a message that arrived at this time.
    #[must_use]
    pub fn map(&self, topic: &str, payload: &[u8], arrival: DateTime<Utc>) -> Mapped {
        let mut is_known = false;
        for (_, mapping) in &self.ranked {
            let Some(names) = mapping.topic.matches(topic) else { continue };
            is_known = true;
            let readings = self.readings(mapping, &names, payload, arrival);
            if !readings.is_empty() {
                return Mapped::Readings(readings);
            }
        }
        is_known |= self.ignored.iter().any(|(pattern, _)| pattern.matches(topic).is_some());
        if is_known { Mapped::Ignored } else { Mapped::Unmapped }
    }

    fn readings(
        &self,
        mapping: &Mapping,
        names: &Names<'_>,
        payload: &[u8],
        arrival: DateTime<Utc>,
    ) -> Vec<Result<MappedReading, Vec<ValidationError>>> {
        if mapping.payload == PayloadKind::Reading {
            let reading = parse_reading(payload);
            return vec![reading.map(|reading| MappedReading { reading, has_own_time: true })];
        }
        let payload = match Payload::parse(mapping.payload, payload) {
            Ok(payload) => payload,
            Err(error) => return vec![Err(vec![error])],
        };
        let time = mapping.time.as_deref().and_then(|pointer| payload.time(pointer));
        let site = mapping.site.as_ref().map(|site| site.fill(names));
        let site = site.as_deref().unwrap_or(&self.site);
        let powers = mapping.powers.iter().filter_map(|power| {
            let watts = match payload.power(&power.pointer, power.unit) {
                PowerText::Absent => return None,
                PowerText::Watts(watts) | PowerText::Invalid(watts) => watts,
            };
            let arrival = || rfc3339(arrival);
            let timestamp = time.clone().unwrap_or_else(arrival);
            let reading = parse_fields([site, &power.device.fill(names), &watts, &timestamp]);
            let has_own_time = time.is_some();
            Some(reading.map(|reading| MappedReading { reading, has_own_time }))
        });
        powers.collect()
    }
}

/// A payload that numbers are read from.
enum Payload<'a> {
    Json(Value),
    Text(&'a str),
}

impl<'a> Payload<'a> {
    fn parse(kind: PayloadKind, bytes: &'a [u8]) -> Result<Self, ValidationError> {
        let text = str::from_utf8(bytes).map_err(|error| invalid(bytes, error.to_string()))?;
        if kind == PayloadKind::Number {
            return Ok(Self::Text(text));
        }
        let json = serde_json::from_str(text).map_err(|error| invalid(bytes, error.to_string()))?;
        Ok(Self::Json(json))
    }

    fn power(&self, pointer: &str, unit: profile::Unit) -> PowerText {
        match self {
            Self::Json(value) => power_of_json(value.pointer(pointer), unit),
            Self::Text(text) => power_of_text(text, unit),
        }
    }

    fn time(&self, pointer: &str) -> Option<String> {
        match self {
            Self::Json(value) => timestamp_of(value.pointer(pointer)),
            Self::Text(_) => None,
        }
    }
}

fn invalid(bytes: &[u8], reason: String) -> ValidationError {
    let text = String::from_utf8_lossy(bytes);
    ValidationError::new(Location::Body, ErrorKind::JsonInvalid(reason), &text)
}
