//! Settings that are set to nothing: they count as unset.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::{Arg, Command, CommandFactory};

use super::Cli;
use super::command_line::settings;

/// The settings that are set to nothing, in the environment or by a flag, by their variables; and the
/// command line without those flags. Such a setting has its default: Compose files, charts and shell
/// scripts pass on variables that are not set so (OpenTelemetry's rule for its own).
pub(super) fn without_empty(arguments: Vec<OsString>) -> (BTreeSet<OsString>, Vec<OsString>) {
    let command = Cli::command();
    let settings = settings(&command);
    let mut emptied = empty_variables(&settings);
    let mut kept = Vec::new();
    let mut rest = arguments.into_iter().peekable();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            kept.push(argument);
            kept.extend(rest);
            break;
        }
        let named = settings.iter().find(|setting| is_flag_of(setting, &argument));
        let is_last_part = argument.as_encoded_bytes().ends_with(b"=");
        match named.and_then(|setting| setting.get_env()) {
            Some(variable) if is_last_part || rest.next_if(|next| next.is_empty()).is_some() => {
                emptied.insert(variable.to_owned());
            }
            _ => kept.push(argument),
        }
    }
    (emptied, kept)
}

fn empty_variables(settings: &[&Arg]) -> BTreeSet<OsString> {
    let variables = settings.iter().filter_map(|setting| setting.get_env());
    let is_empty = |name: &&OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    variables.filter(is_empty).map(OsStr::to_owned).collect()
}

/// Whether an argument is `--name` or `--name=` of a setting.
fn is_flag_of(setting: &Arg, argument: &OsStr) -> bool {
    let name = argument.to_str().and_then(|argument| argument.strip_prefix("--"));
    name.is_some_and(|name| setting.get_long() == Some(name.strip_suffix('=').unwrap_or(name)))
}

/// The command as it is where these variables are not set.
pub(super) fn forget(command: Command, variables: &BTreeSet<OsString>) -> Command {
    let forget_variable = |argument: Arg| {
        let is_one = argument.get_env().is_some_and(|variable| variables.contains(variable));
        if is_one { argument.env(Resettable::Reset) } else { argument }
    };
    command.mut_args(forget_variable).mut_subcommands(|command| forget(command, variables))
}
