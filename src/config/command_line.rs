//! Reads settings from the command line and the environment.

use std::ffi::OsStr;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::empty_values::{reset_env, strip_empty};
use super::{parse_error, renamed};

/// The settings, and warnings about how they were given.
pub(super) fn read<T: CommandFactory + FromArgMatches>() -> (T, Vec<String>) {
    let given: Vec<_> = std::env::args_os().collect();
    // Old names first: an empty value of an old name counts as unset, too.
    let known = renamed::with_old_names(T::command());
    let (empty, arguments) = strip_empty(&known, given.clone());
    let command = reset_env(known.clone(), &empty);
    let read = command.clone().try_get_matches_from(&arguments).and_then(|matches| {
        let mut warnings = renamed::warnings(&given, &matches);
        warnings.extend(exposed_secrets(&command, &matches));
        Ok((T::from_arg_matches(&matches)?, warnings))
    });
    read.unwrap_or_else(|error| {
        if error.kind() == ErrorKind::DisplayHelp {
            // Of the unchanged command: a setting with an empty value or an old name is listed all the same.
            T::command().get_matches_from(arguments);
        }
        parse_error::describe(error, &known).exit()
    })
}

/// Warnings about secrets on the command line, which any user of the machine can list.
fn exposed_secrets(command: &Command, matches: &ArgMatches) -> Vec<String> {
    let secrets = command.get_arguments().filter(|argument| argument.is_hide_env_values_set());
    let exposed = secrets.filter(|argument| {
        let id = argument.get_id().as_str();
        let is_flag = matches.value_source(id) == Some(ValueSource::CommandLine);
        let mut values = matches.get_raw(id).into_iter().flatten();
        is_flag && values.any(|value| contains_secret(argument, value))
    });
    let mut warnings: Vec<_> = exposed.filter_map(Arg::get_long).map(exposure).collect();
    if let Some((name, matches)) = matches.subcommand()
        && let Some(command) = command.find_subcommand(name)
    {
        warnings.extend(exposed_secrets(command, matches));
    }
    warnings
}

fn exposure(flag: &str) -> String {
    let better = if flag == "url" { "IMPORT_URL" } else { "REDIS_PASSWORD_FILE" };
    format!("--{flag} shows its password in the list of processes; {better} does not")
}

/// Whether the value is a password, or a URL that contains one.
fn contains_secret(argument: &Arg, value: &OsStr) -> bool {
    let value = value.to_string_lossy();
    argument.get_id() == "redis_password" || value.contains('@') || value.contains("pass=")
}
