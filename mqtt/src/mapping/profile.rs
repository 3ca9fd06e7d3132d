//! A profile: which messages of a family of devices are readings, as data in TOML.

use serde::Deserialize;

use super::error::ProfileError;
use super::template::Template;
use super::topic_pattern::TopicPattern;

/// The file of a profile.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileFile {
    /// What it is for, in a sentence.
    pub description: String,
    /// Its mappings; the first one that yields a reading is used.
    #[serde(default)]
    pub mapping: Vec<MappingRow>,
    /// Topics that are known and have no power, with the reason.
    #[serde(default)]
    pub ignore: Vec<IgnoreRow>,
    /// Messages with the readings that they are expected to be.
    #[serde(default)]
    pub sample: Vec<Sample>,
}

/// A row of `[[mapping]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingRow {
    /// The pattern of its topics.
    pub topic: String,
    /// What a payload is.
    #[serde(default)]
    pub payload: PayloadKind,
    /// The site, with names of the pattern in braces; `MQTT_SITE` if unset.
    pub site: Option<String>,
    /// The device, with names of the pattern in braces.
    #[serde(default = "device")]
    pub device: String,
    /// JSON pointer to the time of the measurement; the time of arrival if unset or not there.
    pub time: Option<String>,
    /// Where power is.
    #[serde(default)]
    pub power: Vec<PowerRow>,
}

/// What a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PayloadKind {
    /// JSON with numbers in it.
    #[default]
    Json,
    /// A number.
    Number,
    /// A reading, as `POST /readings` takes it.
    Reading,
}

/// A row of `power`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerRow {
    /// JSON pointer (RFC 6901) to a number; none of a payload that is a number.
    #[serde(default)]
    pub json: String,
    /// Its unit.
    #[serde(default)]
    pub unit: Unit,
    /// The device, in place of the one of the mapping.
    pub device: Option<String>,
}

/// A unit of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Unit {
    /// Watts.
    #[default]
    W,
    /// Kilowatts.
    #[serde(rename = "kW")]
    Kilowatts,
}

/// A row of `[[ignore]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IgnoreRow {
    /// The pattern of its topics.
    pub topic: String,
    /// Why they are no readings.
    pub reason: String,
}

/// A row of `[[sample]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: String,
    /// The readings; none: the message is ignored.
    #[serde(default)]
    pub readings: Vec<SampleReading>,
}

/// A reading of a sample.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleReading {
    /// The site; `MQTT_SITE` if unset.
    pub site: Option<String>,
    /// The device.
    pub device: String,
    /// Its power in watts.
    pub watts: f64,
    /// Its time, if the message has one.
    pub time: Option<String>,
}

fn device() -> String {
    "{device}".to_owned()
}

/// A mapping whose patterns and templates are parsed.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    pub topic: TopicPattern,
    pub payload: PayloadKind,
    pub site: Option<Template>,
    pub time: Option<String>,
    pub powers: Vec<PowerSource>,
}

/// Where a power is, and whose it is.
#[derive(Debug, Clone)]
pub(super) struct PowerSource {
    pub pointer: String,
    pub unit: Unit,
    pub device: Template,
}

impl Mapping {
    /// Parses a row.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(row: &MappingRow) -> Result<Self, ProfileError> {
        let topic = TopicPattern::parse(&row.topic)?;
        let names: Vec<_> = topic.names().collect();
        let site = row.site.as_deref().map(|text| Template::parse(text, &names)).transpose()?;
        let mut rows = row.power.clone();
        match row.payload {
            PayloadKind::Json if rows.is_empty() => {
                return Err(ProfileError::NoPower(row.topic.clone()));
            }
            PayloadKind::Number if rows.is_empty() => rows.push(PowerRow::default()),
            _ => {}
        }
        let powers = if row.payload == PayloadKind::Reading {
            Vec::new()
        } else {
            let parsed = rows.into_iter().map(|power| {
                let device = power.device.as_deref().unwrap_or(&row.device);
                let device = Template::parse(device, &names)?;
                Ok(PowerSource { pointer: power.json, unit: power.unit, device })
            });
            parsed.collect::<Result<_, ProfileError>>()?
        };
        for pointer in row.time.iter().chain(powers.iter().map(|power| &power.pointer)) {
            if !pointer.is_empty() && !pointer.starts_with('/') {
                return Err(ProfileError::Pointer(pointer.clone()));
            }
        }
        Ok(Self { payload: row.payload, site, time: row.time.clone(), powers, topic })
    }
}

impl Default for PowerRow {
    fn default() -> Self {
        Self { json: String::new(), unit: Unit::W, device: None }
    }
}
