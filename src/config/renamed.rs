//! Settings that were renamed: the old name works for one release, with a warning that names the new one.

use std::ffi::{OsStr, OsString};

use clap::{Arg, ArgMatches, Command};

/// A setting and its old names.
struct Renamed {
    /// Clap's id of the setting.
    id: &'static str,
    variable: &'static str,
    old_variable: &'static str,
    old_flag: &'static str,
}

/// A row is deleted in the release after the one that added it. `MAX_DELIVERIES` never counted deliveries
/// (decision 7).
const RENAMED: [Renamed; 1] = [Renamed {
    id: "max_processing_failures",
    variable: "MAX_PROCESSING_FAILURES",
    old_variable: "MAX_DELIVERIES",
    old_flag: "max-deliveries",
}];

/// The command with the old flags, and with the old variables where the new ones are not set.
pub(super) fn with_old_names(command: Command) -> Command {
    let with_old_name =
        |argument: Arg| match RENAMED.iter().find(|renamed| argument.get_id() == renamed.id) {
            Some(renamed) => renamed.apply(argument),
            None => argument,
        };
    command.mut_args(with_old_name).mut_subcommands(with_old_names)
}

/// A warning for each old name that was given to the command that is run.
pub(super) fn warnings(given: &[OsString], matches: &ArgMatches) -> Vec<String> {
    let mut matches = matches;
    while let Some((_, subcommand)) = matches.subcommand() {
        matches = subcommand;
    }
    // Other commands may run in the same environment: no warning for a setting that is not theirs.
    let relevant = RENAMED.iter().filter(|renamed| matches.try_contains_id(renamed.id).is_ok());
    relevant.flat_map(|renamed| renamed.warnings(given)).collect()
}

impl Renamed {
    fn apply(&self, argument: Arg) -> Arg {
        let argument = argument.alias(self.old_flag);
        let uses_old = is_set(self.old_variable) && !is_set(self.variable);
        if uses_old { argument.env(self.old_variable) } else { argument }
    }

    fn warnings(&self, given: &[OsString]) -> Vec<String> {
        let Self { variable, old_variable, old_flag, .. } = self;
        let mut warnings = Vec::new();
        if is_set(old_variable) && is_set(variable) {
            warnings.push(format!("{old_variable} is ignored: {variable} replaces it, and is set"));
        } else if is_set(old_variable) {
            warnings.push(deprecated(old_variable, variable));
        }
        if given.iter().any(|argument| is_flag(argument, old_flag)) {
            let flag = format!("--{}", variable.to_lowercase().replace('_', "-"));
            warnings.push(deprecated(&format!("--{old_flag}"), &flag));
        }
        warnings
    }
}

fn deprecated(old: &str, new: &str) -> String {
    format!("{old} is deprecated: use {new}; the next release ignores the old name")
}

/// Whether a variable has a value: an empty one counts as unset.
fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// Whether an argument is `--flag` or `--flag=…`.
fn is_flag(argument: &OsStr, flag: &str) -> bool {
    let rest = argument.as_encoded_bytes().strip_prefix(b"--");
    let rest = rest.and_then(|rest| rest.strip_prefix(flag.as_bytes()));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"="))
}
