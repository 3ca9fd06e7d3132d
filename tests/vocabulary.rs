//! Words that the glossary refuses occur in no file: not in names, comments, messages or documents.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::files;

/// Has the refused words and phrases as code, in the paragraph that begins with this text.
const GLOSSARY: (&str, &str) = ("docs/glossary.md", "Refused in every file");

/// Files and folders that may have them, and why.
const EXCEPTIONS: [(&str, &str); 8] = [
    ("CHANGELOG.md", "names what is called otherwise since"),
    ("CONTRIBUTING.md", "gives examples of them"),
    ("docs/decisions/0032-one-vocabulary.md", "decides on them"),
    ("docs/glossary.md", "lists them"),
    ("docs/migration.md", "names what is called otherwise since"),
    ("frontend/package-lock.json", "names packages of others"),
    ("readings/proptest-regressions", "is written by a tool"),
    ("tests/vocabulary.rs", "tests how they are found"),
];

/// Folders with files that are installed or built; hidden ones are, too, unless they are named here.
const NOT_OURS: [&str; 4] = ["__pycache__", "dist", "node_modules", "target"];
const HIDDEN_OURS: [&str; 2] = [".ci", ".github"];

#[test]
fn no_file_has_a_word_that_the_glossary_refuses() {
    let refused = refused();
    assert!(refused.contains(&"nobody".to_owned()), "{refused:?}");
    let mut found = Vec::new();
    for file in files_in(&files::path("")) {
        // Files that are not text have no words.
        let text = fs::read_to_string(&file).unwrap_or_default();
        for (line, number) in text.lines().zip(1..) {
            let line = Words::of(line);
            let words = refused.iter().filter(|word| line.have(word));
            found.extend(words.map(|word| format!("{}:{number}: {word}", name(&file))));
        }
    }
    assert!(found.is_empty(), "see docs/glossary.md:\n{}", found.join("\n"));
}

#[test]
fn words_are_found_in_names_of_every_style_and_phrases_as_they_are_written() {
    for line in ["nobody's", "NOBODY_READS", "isNobody(x)", "of-nobody"] {
        assert!(Words::of(line).have("nobody"), "{line}");
    }
    assert!(Words::of("// after so many rows").have("so many"));
    for (line, word) in [("embury", "bury"), ("x.is_none()", "is none"), ("is nonempty", "is none")]
    {
        assert!(!Words::of(line).have(word), "{word} in {line}");
    }
}

fn refused() -> Vec<String> {
    let (document, beginning) = GLOSSARY;
    let text = files::text(document);
    let paragraph = text.split("\n\n").find(|paragraph| paragraph.starts_with(beginning));
    let words = paragraph.expect("a paragraph of refused words").split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

/// A line as words and phrases are looked for in it: with a space before and after each word.
struct Words {
    text: String,
    /// Names taken apart at `_` and other signs.
    parts: String,
    /// Names taken apart at their humps, too.
    humps: String,
}

impl Words {
    fn of(line: &str) -> Self {
        let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
        Self {
            text: spaced(line, is_letter),
            parts: spaced(&line.to_lowercase(), char::is_alphabetic),
            humps: spaced(&humps_apart(line), char::is_alphabetic),
        }
    }

    /// Whether the line has a word, also as a part of a name, or a phrase.
    fn have(&self, word: &str) -> bool {
        let (word, is_phrase) = (format!(" {word} "), word.contains(' '));
        let forms = if is_phrase { vec![&self.text] } else { vec![&self.parts, &self.humps] };
        forms.into_iter().any(|form| form.contains(&word))
    }
}

fn spaced(text: &str, is_letter: impl Fn(char) -> bool) -> String {
    let spaced = text.chars().map(|letter| if is_letter(letter) { letter } else { ' ' });
    format!(" {} ", spaced.collect::<String>())
}

/// `isBuried` as `is buried`.
fn humps_apart(text: &str) -> String {
    let mut apart = String::new();
    for letter in text.chars() {
        if letter.is_uppercase() && apart.ends_with(char::is_lowercase) {
            apart.push(' ');
        }
        apart.extend(letter.to_lowercase());
    }
    apart
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_ours = HIDDEN_OURS.contains(&name)
            || !(name.starts_with('.') || NOT_OURS.contains(&name) || path.is_symlink());
        if !is_ours || EXCEPTIONS.iter().any(|(exception, _)| path == files::path(exception)) {
            continue;
        }
        if path.is_dir() {
            found.extend(files_in(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn name(file: &Path) -> String {
    file.strip_prefix(files::path("")).unwrap_or(file).display().to_string()
}
