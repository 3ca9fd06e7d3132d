use std::collections::BTreeMap;
use std::path::Path;

use clap::{Arg, CommandFactory};

use super::declared::settings;
use super::*;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const BEGIN: &str = "<!-- settings: made by `make docs` -->\n";
const END: &str = "<!-- end of settings -->\n";

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn the_settings_table_of_the_readme_is_that_of_the_program() {
    let readme = std::fs::read_to_string(README).expect("README.md");
    let (before, rest) = readme.split_once(BEGIN).expect("the marker before the table");
    let (table, after) = rest.split_once(END).expect("the marker after the table");
    let current = settings_table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let updated = [before, BEGIN, &current, END, after].concat();
        std::fs::write(Path::new(README), updated).expect("README.md can be written");
        return;
    }
    assert_eq!(table, current, "run `make docs`");
}

/// A row for each variable, with the roles that use it.
fn settings_table() -> String {
    let mut rows: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for command in Cli::command().get_subcommands() {
        let role = format!("`{}`", command.get_name());
        for argument in settings(command).iter().filter(|argument| !argument.is_hide_set()) {
            let variable = argument.get_env().unwrap_or_default().to_string_lossy().into_owned();
            let row = rows.entry(variable).or_insert_with(|| (description(argument), Vec::new()));
            if !row.1.contains(&role) {
                row.1.push(role.clone());
            }
        }
    }
    let rows = rows.into_iter().map(|(variable, (description, roles))| {
        format!("| `{variable}` | {description} | {} |\n", roles.join(" "))
    });
    let head = "| Variable | Default | Meaning | Used by |\n|---|---|---|---|\n";
    head.to_owned() + &rows.collect::<String>()
}

fn description(argument: &Arg) -> String {
    let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy());
    let default = defaults.map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" ");
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    format!("{default} | {}", help.replace('|', "\\|"))
}
