//! The settings that a command declares.

use clap::{Arg, Command};

/// All settings of a command and its subcommands.
pub(super) fn settings(command: &Command) -> Vec<&Arg> {
    let own = command.get_arguments().filter(|argument| argument.get_env().is_some());
    own.chain(command.get_subcommands().flat_map(settings)).collect()
}
