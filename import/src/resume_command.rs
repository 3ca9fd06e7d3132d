//! The command that continues an import.

use std::fmt::Display;

use crate::arguments::{DEFAULT_RETRY_FOR, ImportArguments};
use crate::client::batch_response::MAX_BATCH_SIZE;
use crate::client::tls_files::TlsFiles;
use crate::input::format::FormatChoice;

/// The command of this import, without `--from-line`.
#[derive(Debug, Clone)]
pub struct ResumeCommand {
    /// All words but `--from-line`, quoted for a shell.
    words: Vec<String>,
    /// Whether rows are sent with idempotency keys.
    pub with_keys: bool,
    /// Whether it imports an export, of which a line may become several readings.
    pub of_export: bool,
}

impl ResumeCommand {
    /// The command with these arguments. Defaults are left out, and so is a URL with credentials: the command is
    /// printed.
    pub fn new(program: &str, arguments: &ImportArguments) -> Self {
        let (with_keys, of_export) = (!arguments.no_idempotency_keys, arguments.shape.is_given());
        let mut command = Self { words: Vec::new(), with_keys, of_export };
        command.words.extend([quoted(program), "import".to_owned()]);
        command.words.push(quoted(&arguments.file().to_string_lossy()));
        for (name, value) in arguments.shape.words() {
            command.option(name, value);
        }
        if !arguments.url.is_default() && !arguments.url.has_credentials() {
            command.option("--url", &arguments.url);
        }
        if let Some(file) = &arguments.api_key_file {
            command.option("--api-key-file", file.display());
        }
        let TlsFiles { ca_file, cert_file, key_file } = &arguments.tls;
        for (name, file) in
            [("--ca-file", ca_file), ("--cert-file", cert_file), ("--key-file", key_file)]
        {
            if let Some(file) = file {
                command.option(name, file.display());
            }
        }
        if arguments.batch_size != MAX_BATCH_SIZE {
            command.option("--batch-size", arguments.batch_size);
        }
        if let Some(concurrency) = arguments.concurrency {
            command.option("--concurrency", concurrency);
        }
        if arguments.retry_for != DEFAULT_RETRY_FOR {
            command.option("--retry-for", arguments.retry_for.as_secs());
        }
        match arguments.format {
            FormatChoice::Auto => {}
            FormatChoice::Ndjson => command.option("--format", "ndjson"),
            FormatChoice::Csv => command.option("--format", "csv"),
        }
        if let Some(rejects) = &arguments.rejects {
            command.option("--rejects", rejects.display());
        }
        if arguments.no_idempotency_keys {
            command.words.push("--no-idempotency-keys".to_owned());
        }
        command
    }

    /// The command that starts at a line.
    pub fn at_line(&self, line: u64) -> String {
        format!("{} --from-line {line}", self.words.join(" "))
    }

    fn option(&mut self, name: &str, value: impl Display) {
        self.words.extend([name.to_owned(), quoted(&value.to_string())]);
    }
}

fn quoted(word: &str) -> String {
    // Err: it contains NUL, which no shell accepts.
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), Into::into)
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;

    fn resume(words: &[&str]) -> String {
        let command = ImportArguments::augment_args(clap::Command::new("import"));
        let matches = command.get_matches_from([&["import"], words].concat());
        let arguments = ImportArguments::from_arg_matches(&matches).unwrap();
        ResumeCommand::new("./energy-pipeline", &arguments).at_line(7)
    }

    #[test]
    fn only_the_line_differs_from_the_original_command() {
        for words in [
            "a.csv",
            "- --url http://example.org/api --retry-for 5",
            "a.csv --api-key-file 'my key' --retry-for 5",
            "a.csv --url https://example.org --ca-file ca.pem --cert-file 'my cert.pem' --key-file key.pem",
            "a.csv --site house --device 'my meter' --tz Europe/Berlin --profile auto --map 'date=Day,energy=Net use' --unit kWh --interval 30m --times end --time-format '%d.%m.%y' --delimiter tab --decimal , --skip-lines 3 --max-power 60000",
            "'my file'\"'\"'s.csv' --batch-size 7 --concurrency 8 --format csv --rejects 'r 1' --no-idempotency-keys",
        ] {
            let given = shlex::split(words).unwrap();
            let given: Vec<_> = given.iter().map(String::as_str).collect();
            let again = shlex::split(&resume(&given)).unwrap();
            let expected = [&["./energy-pipeline", "import"], &given[..], &["--from-line", "7"]];
            assert_eq!(again, expected.concat());
            let last_line = resume(&[&given[..], &["--from-line", "3"]].concat());
            assert_eq!(shlex::split(&last_line).unwrap(), again);
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let command = resume(&["a.csv", "--url", "https://meter:secret@example.org"]);
        assert_eq!(command, "./energy-pipeline import a.csv --from-line 7");
    }
}
