//! Samples of exported meter files, and what they contain: computed by `meter-files/profiles/expected.py`, apart from the program.

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;

use super::files;

/// A sample of a profile.
#[derive(Debug, Deserialize)]
pub struct Sample {
    #[serde(skip)]
    pub profile: String,
    pub file: String,
    pub arguments: Vec<String>,
    pub max_gap: String,
    pub skipped: u64,
    pub rejected: u64,
    #[serde(rename = "device")]
    pub devices: Vec<Device>,
}

/// What a sample has of a device.
#[derive(Debug, Deserialize)]
pub struct Device {
    pub name: String,
    pub readings: usize,
    /// Of equal instants one counts.
    pub instants: usize,
    pub first: String,
    pub last: String,
    pub kwh: f64,
}

#[derive(Deserialize)]
struct Expected {
    sample: Vec<Sample>,
}

impl Sample {
    pub fn path(&self) -> PathBuf {
        files::path("meter-files/profiles").join(&self.profile).join(&self.file)
    }

    /// The site that it is imported to: no other sample has it.
    pub fn site(&self) -> String {
        format!("{}-{}", self.profile, self.file)
    }

    pub fn readings(&self) -> usize {
        self.devices.iter().map(|device| device.readings).sum()
    }
}

/// All samples, by profile.
pub fn samples() -> Vec<Sample> {
    let folders = fs::read_dir(files::path("meter-files/profiles")).unwrap().map(Result::unwrap);
    let mut profiles: Vec<_> = folders
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    profiles.sort();
    profiles.iter().flat_map(|profile| samples_of(profile)).collect()
}

/// The samples of a profile.
pub fn samples_of(profile: &str) -> Vec<Sample> {
    let text = files::text(&format!("meter-files/profiles/{profile}/expected.toml"));
    let expected: Expected = toml::from_str(&text).unwrap();
    expected
        .sample
        .into_iter()
        .map(|sample| Sample { profile: profile.to_owned(), ..sample })
        .collect()
}
