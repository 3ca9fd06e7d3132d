//! Level and format of the log.

use clap::{Args, ValueEnum};

#[derive(Debug, Clone, Args)]
pub struct LogSettings {
    /// Log level: `off`, `error`, `warn`, `info`, `debug` or `trace`, or one per module, as
    /// `warn,actors=debug`
    #[arg(long, env, value_name = "LEVELS", default_value = "info", value_parser = levels)]
    pub rust_log: String,
    /// Log format; `auto` is text on a terminal and JSON elsewhere
    #[arg(long, env, value_name = "FORMAT", default_value = "auto", ignore_case = true)]
    pub log_format: LogFormat,
}

/// Format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

/// The module that logs the failure of a role.
const PROGRAM: &str = "energy_pipeline";

impl LogSettings {
    /// Whether errors of the program itself are logged.
    pub fn has_errors(&self) -> bool {
        let directives = || self.rust_log.split(',').map(|part| part.rsplit_once('=').ok_or(part));
        // The most specific directive wins, and the last one of several (as in `EnvFilter`).
        let own = directives().rfind(|directive| matches!(directive, Ok((PROGRAM, _))));
        let general = || directives().rfind(Result::is_err);
        let level = own.or_else(general).map(|directive| match directive {
            Ok((_, level)) | Err(level) => level,
        });
        level.is_some_and(|level| !level.eq_ignore_ascii_case("off"))
    }
}

/// Log levels, as `tracing_subscriber` names them.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

const RULE: &str = "must be a level (off, error, warn, info, debug or trace) or module=level, or several of \
                    them with commas between";

/// Checks each directive. `tracing_subscriber` reads an unknown word as a module and logs only that module:
/// a typing error would silence the program.
fn levels(text: &str) -> Result<String, &'static str> {
    let parts: Vec<_> = text.split(',').map(str::trim).collect();
    if parts.iter().all(|part| is_directive(part)) { Ok(parts.join(",")) } else { Err(RULE) }
}

fn is_directive(part: &str) -> bool {
    let is_level = |word: &str| LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level));
    match part.split_once('=') {
        None => is_level(part),
        Some((module, level)) => is_module(module) && is_level(level),
    }
}

fn is_module(path: &str) -> bool {
    path.split("::").all(|name| {
        let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        starts && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_modules_with_levels_are_valid() {
        for (text, parsed) in [
            ("info", "info"),
            ("WARN", "WARN"),
            ("off", "off"),
            ("warn,actors=debug", "warn,actors=debug"),
            ("warn, actors::writer=Trace ,api=off", "warn,actors::writer=Trace,api=off"),
            ("my_crate=debug", "my_crate=debug"),
        ] {
            assert_eq!(levels(text), Ok(parsed.to_owned()));
        }
    }

    #[test]
    fn errors_of_the_program_are_logged_unless_its_own_level_or_the_general_one_is_off() {
        for (rust_log, expected) in [
            ("info", true),
            ("off", false),
            ("info,OFF", false),
            ("info,energy_pipeline=off", false),
            ("energy_pipeline=off,info", false),
            ("off,energy_pipeline=error", true),
            ("off,actors=debug", false),
            ("actors=off,warn", true),
            ("energy_pipeline=error,energy_pipeline=off", false),
            ("actors=debug", false),
        ] {
            let settings =
                LogSettings { rust_log: rust_log.to_owned(), log_format: LogFormat::Auto };
            assert_eq!(settings.has_errors(), expected, "{rust_log}");
        }
    }

    #[test]
    fn a_typing_error_is_rejected() {
        for text in [
            "loud",
            "warning",
            "actors",
            "actors=verbose",
            "info,",
            ",info",
            "info,,warn",
            "info;warn",
            "=info",
            "actors=",
            "info warn",
            "actors=debug=info",
            "3",
            "a b=info",
            "actors:debug",
            "actors::=info",
            "[span]=info",
            "information",
            " ",
            "info\n,x",
        ] {
            assert_eq!(levels(text), Err(RULE), "{text}");
        }
    }
}
