//! Settings with an empty value: they count as unset.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::{Arg, Command};

use super::declared::settings;

/// The variables of settings with an empty value, in the environment or by a flag; and the command line
/// without those flags. Such a setting has its default: Compose files, charts and shell scripts pass unset
/// variables on as empty ones (OpenTelemetry's rule for its own variables).
pub(super) fn strip_empty(
    command: &Command,
    arguments: Vec<OsString>,
) -> (BTreeSet<OsString>, Vec<OsString>) {
    let settings = settings(command);
    let mut empty = empty_variables(&settings);
    let mut kept = Vec::new();
    let mut rest = arguments.into_iter().peekable();
    while let Some(argument) = rest.next() {
        // What follows `--` is a value, whatever it looks like.
        if argument == "--" {
            kept.push(argument);
            kept.extend(rest);
            break;
        }
        let setting = settings.iter().find(|setting| is_flag_of(setting, &argument));
        let ends_in_equals = argument.as_encoded_bytes().ends_with(b"=");
        match setting.and_then(|setting| setting.get_env()) {
            // `--flag=`, or `--flag ''`, whose second part is dropped with the first.
            Some(variable) if ends_in_equals || rest.next_if(|next| next.is_empty()).is_some() => {
                empty.insert(variable.to_owned());
            }
            _ => kept.push(argument),
        }
    }
    (empty, kept)
}

fn empty_variables(settings: &[&Arg]) -> BTreeSet<OsString> {
    let variables = settings.iter().filter_map(|setting| setting.get_env());
    let is_empty = |name: &&OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    variables.filter(is_empty).map(OsStr::to_owned).collect()
}

/// Whether an argument is `--name` or `--name=` of a setting, or of an alias of it.
fn is_flag_of(setting: &Arg, argument: &OsStr) -> bool {
    let name = argument.to_str().and_then(|argument| argument.strip_prefix("--"));
    let Some(name) = name.map(|name| name.strip_suffix('=').unwrap_or(name)) else { return false };
    let is_alias = || setting.get_all_aliases().is_some_and(|aliases| aliases.contains(&name));
    setting.get_long() == Some(name) || is_alias()
}

/// The command, with these variables treated as unset.
pub(super) fn reset_env(command: Command, variables: &BTreeSet<OsString>) -> Command {
    let reset_if_empty = |argument: Arg| {
        let is_empty = argument.get_env().is_some_and(|variable| variables.contains(variable));
        if is_empty { argument.env(Resettable::Reset) } else { argument }
    };
    command.mut_args(reset_if_empty).mut_subcommands(|command| reset_env(command, variables))
}
