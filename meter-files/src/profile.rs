//! Profiles: what the files of one program look like. Data, one folder each in `profiles/`.

use std::path::PathBuf;

use rust_embed::RustEmbed;
use serde::Deserialize;

use crate::error::FileError;
use crate::shape::Shape;
use crate::table::header;
use crate::text::Text;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/profiles"]
#[include = "*/profile.toml"]
struct Embedded;

/// How many lines of a text may be its header. Too low: a preamble hides it. Too high: time, for each profile.
const MAX_PREAMBLE: usize = 100;

/// A profile.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The name of its folder, or its path.
    #[serde(skip)]
    pub name: String,
    /// Program and export, for people.
    pub title: String,
    /// Where the shape is documented, or which program reads it.
    pub source: String,
    /// How a file is recognised.
    #[serde(rename = "match")]
    pub matcher: Matcher,
    /// How it is read.
    #[serde(default)]
    pub shape: Shape,
}

/// How a file is recognised: all members that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matcher {
    /// Columns that one line of the head has, in any order and case.
    pub header: Vec<String>,
    /// What the text begins with.
    pub starts_with: Option<String>,
    /// Texts that the head contains: members of JSON, names of XML elements, words of a preamble.
    pub contains: Vec<String>,
}

/// The profile that the command chooses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProfileChoice {
    /// The one that matches; none if none does.
    #[default]
    Auto,
    /// The one with this name.
    Named(String),
    /// One of the user.
    File(PathBuf),
}

impl ProfileChoice {
    /// `auto`, a name, or the path of a TOML file.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let is_file = std::path::Path::new(text)
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("toml"));
        match text {
            "auto" => Self::Auto,
            _ if is_file => Self::File(text.into()),
            _ => Self::Named(text.to_owned()),
        }
    }

    /// The profile for this text; `None` if none matches.
    ///
    /// # Errors
    /// When there is no profile with the name, it cannot be read, or several match alike.
    pub fn find(&self, text: &Text) -> Result<Option<Profile>, FileError> {
        match self {
            Self::Auto => detect(text, all()?),
            Self::Named(name) => {
                let found = all()?.into_iter().find(|profile| profile.name == *name);
                let unknown = || {
                    FileError::shape(format!(
                        "there is no profile `{name}`; --list-profiles lists all"
                    ))
                };
                found.map(Some).ok_or_else(unknown)
            }
            Self::File(path) => {
                let name = path.display().to_string();
                let read = std::fs::read_to_string(path);
                let text = read.map_err(|error| FileError::Profile {
                    name: name.clone(),
                    reason: error.to_string(),
                })?;
                Profile::parse(&name, &text).map(Some)
            }
        }
    }
}

impl Profile {
    /// The profile that a TOML text describes.
    ///
    /// # Errors
    /// When it is not TOML, or has other members than a profile.
    pub fn parse(name: &str, text: &str) -> Result<Self, FileError> {
        let parsed: Result<Self, _> = toml::from_str(text);
        let profile = parsed.map_err(|error| FileError::Profile {
            name: name.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self { name: name.to_owned(), ..profile })
    }
}

impl Matcher {
    /// How many facts match a text, of which the head is given in lower case, too; `None` if one does not, or there are none.
    fn matches(&self, text: &Text, lower: &str) -> Option<usize> {
        let head = text.head().trim_start();
        let has_start = self.starts_with.as_ref().is_none_or(|start| head.starts_with(start));
        let has_texts = self.contains.iter().all(|part| head.contains(part));
        // Lines are split for few profiles only.
        let may_have_header = self
            .header
            .iter()
            .all(|column| column.to_lowercase().split('*').all(|part| lower.contains(part)));
        let has_header = self.header.is_empty()
            || may_have_header
                && text
                    .lines()
                    .take(MAX_PREAMBLE)
                    .any(|(_, line)| header::has_all(line, &self.header));
        let facts =
            usize::from(self.starts_with.is_some()) + self.contains.len() + self.header.len();
        (has_start && has_texts && has_header && facts > 0).then_some(facts)
    }
}

/// All profiles that the program contains, by name.
///
/// # Errors
/// When one of them is invalid.
pub fn all() -> Result<Vec<Profile>, FileError> {
    let profiles = Embedded::iter().filter_map(|path| {
        let name = path.strip_suffix("/profile.toml")?.to_owned();
        let file = Embedded::get(&path)?;
        Some(Profile::parse(&name, &String::from_utf8_lossy(&file.data)))
    });
    let mut profiles = profiles.collect::<Result<Vec<_>, _>>()?;
    profiles.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(profiles)
}

/// The profile with the most facts that match.
fn detect(text: &Text, profiles: Vec<Profile>) -> Result<Option<Profile>, FileError> {
    let lower = text.head().to_lowercase();
    let matching = profiles
        .into_iter()
        .filter_map(|profile| Some((profile.matcher.matches(text, &lower)?, profile)));
    let mut matching: Vec<_> = matching.collect();
    let most = matching.iter().map(|(facts, _)| *facts).max();
    matching.retain(|(facts, _)| Some(*facts) == most);
    if matching.len() > 1 {
        let names: Vec<_> = matching.iter().map(|(_, profile)| profile.name.as_str()).collect();
        let question = format!("the file may be of the profiles {}", names.join(", "));
        return Err(FileError::unclear(question, "--profile NAME"));
    }
    Ok(matching.pop().map(|(_, profile)| profile))
}
