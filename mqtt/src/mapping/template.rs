//! Texts with names of a topic pattern in braces, such as `{device}-{channel}`.

use super::error::ProfileError;
use super::topic_pattern::Names;

/// A text in which names stand for parts of a topic.
#[derive(Debug, Clone)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Name(String),
}

impl Template {
    /// Parses a text whose names are among these.
    ///
    /// # Errors
    /// When a name is not among them.
    pub fn parse(text: &str, names: &[&str]) -> Result<Self, ProfileError> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let known = after.split_once('}').filter(|(name, _)| names.contains(name));
            let (name, after) =
                known.ok_or_else(|| ProfileError::Template(text.to_owned(), names.join(", ")))?;
            parts.extend([Part::Text(before.to_owned()), Part::Name(name.to_owned())]);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The text with what the names stand for.
    pub fn fill(&self, names: &Names<'_>) -> String {
        let texts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Name(name) => {
                let found = names.iter().find(|(known, _)| known == name);
                found.map_or("", |(_, text)| text)
            }
        });
        texts.collect()
    }
}
