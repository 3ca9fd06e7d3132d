//! Output to the terminal, apart from the log.

use std::fmt::{self, Display, Write as _};
use std::io::{self, Write};
use std::process::ExitCode;

/// Prints a line to standard output; a closed output is not an error.
pub fn print(line: impl Display) {
    let line = escaped(&line.to_string());
    let mut output = io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

/// Prints a line to standard error.
pub fn eprint(line: impl Display) {
    let line = escaped(&line.to_string());
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints an error, and returns its exit code.
pub fn exit_with(error: &anyhow::Error) -> ExitCode {
    eprint(format_args!("energy-pipeline: {error:#}"));
    ExitCode::FAILURE
}

/// The text with every character escaped that acts on a terminal instead of being displayed: ids, file
/// contents and errors of servers are untrusted. This includes newlines: output is line by line, and no
/// value may begin another line. The escapes are JSON's, so that a line of JSON stays valid.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    // Writing to a String cannot fail.
    let _ = Escaping(&mut escaped).write_str(text);
    escaped
}

/// Writes as [`escaped`] does.
#[derive(Debug)]
pub struct Escaping<W>(pub W);

impl<W: fmt::Write> fmt::Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(acts_on_a_terminal) {
            let (shown, from) = rest.split_at(at);
            self.0.write_str(shown)?;
            let mut characters = from.chars();
            if let Some(character) = characters.next() {
                self.escape(character)?;
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

impl<W: fmt::Write> Escaping<W> {
    fn escape(&mut self, character: char) -> fmt::Result {
        match character {
            '\n' => self.0.write_str("\\n"),
            '\r' => self.0.write_str("\\r"),
            '\t' => self.0.write_str("\\t"),
            character => write!(self.0, "\\u{:04x}", u32::from(character)),
        }
    }
}

/// Control characters (C0 with ESC, DEL, C1), line and paragraph separators, and those that change the
/// direction of text (Unicode 9, 2.1 to 2.4), which can make it read as something else.
fn acts_on_a_terminal(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_act_on_a_terminal_are_escaped_and_all_others_stay() {
        for (text, shown) in [
            ("house-01 Straße 家 🏠 \\ \"", "house-01 Straße 家 🏠 \\ \""),
            ("\u{1b}[31mred\u{1b}]0;title\u{7}", "\\u001b[31mred\\u001b]0;title\\u0007"),
            ("a\nb\rc\td\0", "a\\nb\\rc\\td\\u0000"),
            ("\u{7f}\u{80}\u{9b}2J\u{9f}\u{a0}", "\\u007f\\u0080\\u009b2J\\u009f\u{a0}"),
            ("\u{202a}\u{202e}\u{2066}\u{2069}", "\\u202a\\u202e\\u2066\\u2069"),
            ("\u{2028}\u{2029}\u{2027}", "\\u2028\\u2029\u{2027}"),
        ] {
            assert_eq!(escaped(text), shown);
        }
    }

    #[test]
    fn a_line_of_json_stays_valid_json() {
        let line = serde_json::json!({ "id": "a\n\u{1b}\u{7f}\u{202e}\u{2028}" });
        let read: serde_json::Value = serde_json::from_str(&escaped(&line.to_string())).unwrap();
        assert_eq!(read, line);
    }
}
