//! The command line and the environment, on the way to settings.

use std::ffi::OsStr;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::Cli;
use super::empty_values::{forget, without_empty};
use super::parse_error::explain;

/// Reads both; also what is to be said about how they were given.
pub(super) fn read() -> (Cli, Vec<String>) {
    let (emptied, arguments) = without_empty(std::env::args_os().collect());
    let command = forget(Cli::command(), &emptied);
    let read = command.clone().try_get_matches_from(&arguments).and_then(|matches| {
        let remarks = shown_secrets(&command, &matches);
        Ok((Cli::from_arg_matches(&matches)?, remarks))
    });
    read.unwrap_or_else(|error| {
        if error.kind() == ErrorKind::DisplayHelp {
            // Of the command as it is: what is set to nothing is a setting all the same.
            Cli::command().get_matches_from(arguments);
        }
        explain(error).exit()
    })
}

/// All settings of all commands.
pub(super) fn settings(command: &Command) -> Vec<&Arg> {
    let own = command.get_arguments().filter(|argument| argument.get_env().is_some());
    own.chain(command.get_subcommands().flat_map(settings)).collect()
}

/// Secrets that the command line shows to every user who lists processes.
fn shown_secrets(command: &Command, matches: &ArgMatches) -> Vec<String> {
    let secrets = command.get_arguments().filter(|argument| argument.is_hide_env_values_set());
    let shown = secrets.filter(|argument| {
        let id = argument.get_id().as_str();
        let is_flag = matches.value_source(id) == Some(ValueSource::CommandLine);
        is_flag
            && matches.get_raw(id).into_iter().flatten().any(|value| holds_secret(argument, value))
    });
    let mut remarks: Vec<_> = shown.filter_map(Arg::get_long).map(remark).collect();
    if let Some((name, matches)) = matches.subcommand()
        && let Some(command) = command.find_subcommand(name)
    {
        remarks.extend(shown_secrets(command, matches));
    }
    remarks
}

fn remark(flag: &str) -> String {
    let better = if flag == "url" { "IMPORT_URL" } else { "REDIS_PASSWORD_FILE" };
    format!("--{flag} shows its password in the list of processes; {better} does not")
}

/// A password as such, or a URL with one.
fn holds_secret(argument: &Arg, value: &OsStr) -> bool {
    let value = value.to_string_lossy();
    argument.get_id() == "redis_password" || value.contains('@') || value.contains("pass=")
}
