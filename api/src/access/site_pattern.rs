//! The sites of a key.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// The longest pattern in bytes, which is that of a site's id with some room. Too low: ids cannot be written out; too high: comparing
/// takes longer.
const MAX_BYTES: usize = 1_024;

/// A site's id, in which `*` is any run of characters, none included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePattern(Box<str>);

impl SitePattern {
    /// Whether a site's id matches the whole pattern.
    #[must_use]
    pub fn matches(&self, site: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = site.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        // The first occurrence of each part leaves the most for those behind it.
        for part in parts {
            let Some((_, behind)) = rest.split_once(part) else { return false };
            rest = behind;
        }
        rest.ends_with(last)
    }

    /// The text before the first `*`: every matching id begins with it.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.0.split('*').next().unwrap_or_default()
    }
}

impl Display for SitePattern {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for SitePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (1..=MAX_BYTES).contains(&text.len()) {
            return Ok(Self(text.into()));
        }
        Err(format!("must be a site id of 1 to {MAX_BYTES} bytes, in which * is any text"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> SitePattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_star_is_any_run_of_characters_and_everything_else_itself() {
        for (text, matching, others) in [
            ("house-1", &["house-1"][..], &["house-", "house-12", "House-1", ""][..]),
            ("house-*", &["house-", "house-1", "house-*"], &["house", "my-house-1"]),
            ("*", &["", "a", "é🏠"], &[]),
            ("*-a", &["-a", "x-a", "-a-a"], &["-a-", "a"]),
            ("a*b*c", &["abc", "aXbYc", "abbcc", "a-b-b-c"], &["ac", "acb", "abcx"]),
            ("a**b", &["ab", "aXb"], &["a"]),
            ("aa*aa", &["aaaa", "aaXaa"], &["aa", "aaa"]),
            ("é*", &["é", "éé"], &["e"]),
            ("a.?[b]", &["a.?[b]"], &["ax?[b]", "a.x[b]", "a.?b"]),
        ] {
            for site in matching {
                assert!(pattern(text).matches(site), "{text} {site}");
            }
            for site in others {
                assert!(!pattern(text).matches(site), "{text} {site}");
            }
        }
        assert!("".parse::<SitePattern>().is_err());
        assert!("a".repeat(MAX_BYTES + 1).parse::<SitePattern>().is_err());
    }

    /// The definition, by trying every run for each star.
    fn matches_by_definition(pattern: &[char], site: &[char]) -> bool {
        match pattern.split_first() {
            None => site.is_empty(),
            Some(('*', rest)) => {
                (0..=site.len()).any(|run| matches_by_definition(rest, &site[run..]))
            }
            Some((first, rest)) => {
                site.first() == Some(first) && matches_by_definition(rest, &site[1..])
            }
        }
    }

    proptest! {
        #[test]
        fn a_pattern_matches_by_the_definition_of_a_star(text in "[ab*]{1,8}", site in "[ab]{0,10}") {
            let (pattern_chars, site_chars): (Vec<_>, Vec<_>) = (text.chars().collect(), site.chars().collect());
            let expected = matches_by_definition(&pattern_chars, &site_chars);
            prop_assert_eq!(pattern(&text).matches(&site), expected);
            prop_assert!(!expected || site.starts_with(pattern(&text).prefix()));
        }
    }
}
