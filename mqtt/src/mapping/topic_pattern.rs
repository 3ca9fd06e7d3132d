//! Patterns of topics: topic filters of MQTT in which levels, or parts of them, have names.

use std::fmt;

/// A pattern such as `shellies/{device}/relay/{channel}/power`.
///
/// A level is a text, `+` (any level), a text with one name in braces (`switch:{channel}`, `{device}_power`), or, as the
/// last one, `#` (any number of levels).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPattern {
    text: String,
    levels: Vec<Level>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Level {
    Text(String),
    Any,
    Rest,
    Named { before: String, name: String, after: String },
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The empty text.
    #[error("a topic has at least one character")]
    Empty,
    /// `#` before the last level, or a wildcard beside other characters.
    #[error("'{0}': '#' must be the last level, and '#' and '+' have a level to themselves")]
    Wildcard(String),
    /// A brace without its other, or a level with two names.
    #[error("'{0}': a level has at most one name, in braces, of letters, digits and '_'")]
    Name(String),
}

/// The names of a pattern with the texts that they stand for in a topic.
pub type Names<'a> = Vec<(&'a str, &'a str)>;

impl TopicPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// The rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let levels: Vec<_> = text.split('/').map(level).collect::<Result<_, _>>()?;
        if levels.iter().rev().skip(1).any(|level| *level == Level::Rest) {
            return Err(PatternError::Wildcard(text.to_owned()));
        }
        Ok(Self { text: text.to_owned(), levels })
    }

    /// The filter to subscribe to.
    #[must_use]
    pub fn filter(&self) -> String {
        let levels = self.levels.iter().map(|level| match level {
            Level::Text(text) => text.as_str(),
            Level::Any | Level::Named { .. } => "+",
            Level::Rest => "#",
        });
        levels.collect::<Vec<_>>().join("/")
    }

    /// The names and their texts, if the topic matches.
    #[must_use]
    pub fn matches<'a>(&'a self, topic: &'a str) -> Option<Names<'a>> {
        let (mut names, mut parts) = (Vec::new(), topic.split('/'));
        for level in &self.levels {
            if *level == Level::Rest {
                // `a/#` matches `a`, too (MQTT 5.0, 4.7.1.2).
                return Some(names);
            }
            let part = parts.next()?;
            match level {
                Level::Text(text) if text != part => return None,
                Level::Named { before, name, after } => {
                    let text = part.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
                    if text.is_empty() {
                        return None;
                    }
                    names.push((name.as_str(), text));
                }
                Level::Text(_) | Level::Any | Level::Rest => {}
            }
        }
        parts.next().is_none().then_some(names)
    }

    /// Number of levels that are a text: more of them are more specific.
    #[must_use]
    pub fn literal_levels(&self) -> usize {
        self.levels.iter().filter(|level| matches!(level, Level::Text(_))).count()
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.levels.iter().filter_map(|level| match level {
            Level::Named { name, .. } => Some(name.as_str()),
            _ => None,
        })
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn level(text: &str) -> Result<Level, PatternError> {
    match text {
        "+" => return Ok(Level::Any),
        "#" => return Ok(Level::Rest),
        _ if text.contains(['+', '#']) => return Err(PatternError::Wildcard(text.to_owned())),
        _ => {}
    }
    let Some((before, rest)) = text.split_once('{') else {
        return if text.contains('}') {
            Err(PatternError::Name(text.to_owned()))
        } else {
            Ok(Level::Text(text.to_owned()))
        };
    };
    let named = rest.split_once('}').filter(|(name, after)| {
        let is_word =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        is_word && !before.contains('}') && !after.contains(['{', '}'])
    });
    let (name, after) = named.ok_or_else(|| PatternError::Name(text.to_owned()))?;
    Ok(Level::Named { before: before.to_owned(), name: name.to_owned(), after: after.to_owned() })
}

/// The filters without those whose topics another one matches, too: a broker may deliver a message once for each
/// subscription that matches it.
#[must_use]
pub fn without_covered(mut filters: Vec<String>) -> Vec<String> {
    filters.sort();
    filters.dedup();
    let all = filters.clone();
    filters.retain(|filter| !all.iter().any(|other| other != filter && covers(other, filter)));
    filters
}

/// Whether each topic of the narrow filter is one of the wide filter.
fn covers(wide: &str, narrow: &str) -> bool {
    let (mut wide, mut narrow) = (wide.split('/'), narrow.split('/'));
    loop {
        match (wide.next(), narrow.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_filter_whose_levels_have_names() {
        for (pattern, filter, topic, names) in [
            ("tele/{device}/SENSOR", "tele/+/SENSOR", "tele/plug/SENSOR", vec![("device", "plug")]),
            (
                "{a}/status/switch:{b}",
                "+/status/+",
                "x/status/switch:0",
                vec![("a", "x"), ("b", "0")],
            ),
            ("s/{d}_power/state", "s/+/state", "s/tv_power/state", vec![("d", "tv")]),
            ("a/+/#", "a/+/#", "a/b/c/d", vec![]),
            ("a/#", "a/#", "a", vec![]),
        ] {
            let pattern = TopicPattern::parse(pattern).unwrap();
            assert_eq!(pattern.filter(), filter);
            assert_eq!(pattern.matches(topic), Some(names), "{pattern}");
        }
    }

    #[test]
    fn a_topic_of_other_levels_does_not_match() {
        for (pattern, topic) in [
            ("tele/{device}/SENSOR", "tele/plug/STATE"),
            ("tele/{device}/SENSOR", "tele/plug"),
            ("tele/{device}/SENSOR", "tele/plug/SENSOR/x"),
            ("s/{d}_power/state", "s/_power/state"),
            ("s/{d}_power/state", "s/power/state"),
            ("a/+", "a"),
        ] {
            assert_eq!(TopicPattern::parse(pattern).unwrap().matches(topic), None, "{pattern}");
        }
    }

    #[test]
    fn a_text_that_is_no_pattern_is_rejected() {
        for text in ["", "a/#/b", "a+/b", "a#", "{a", "a}", "{a}{b}", "{}", "{a b}", "}{"] {
            assert!(TopicPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_filter_that_another_one_covers_is_left_out() {
        let filters = ["a/+", "a/b", "a/#", "c/+/d", "c/x/d", "+/status/+", "c/x/d"];
        let kept = without_covered(filters.map(str::to_owned).to_vec());
        assert_eq!(kept, ["+/status/+", "a/#", "c/+/d"]);
    }
}
