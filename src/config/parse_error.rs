//! What is said about a value that is refused.

use std::ffi::OsStr;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, CommandFactory};

use super::Cli;
use super::command_line::settings;
use crate::console;

/// Clap names the flag only, and shows values as they are. A value from the environment is told with its
/// variable, one that may be secret is not shown, and none of them can write to the terminal.
pub(super) fn explain(mut error: clap::Error) -> clap::Error {
    let command = Cli::command();
    let settings = settings(&command);
    let setting = setting_of(&error, &settings);
    let value = text(&error, ContextKind::InvalidValue);
    let is_secret = setting.is_some_and(Arg::is_hide_env_values_set);
    let shown = if is_secret { "…".to_owned() } else { console::escaped(&value) };
    let tip = match error.kind() {
        ErrorKind::InvalidUtf8 => not_utf8(&settings),
        _ => setting.and_then(|setting| cause(setting, &value, &shown)),
    };
    escape(&mut error);
    if is_secret {
        error.insert(ContextKind::InvalidValue, ContextValue::String(shown));
    }
    if let Some(tip) = tip {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

fn text(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    }
}

/// The setting that an error is about.
fn setting_of<'a>(error: &clap::Error, settings: &[&'a Arg]) -> Option<&'a Arg> {
    let flag = text(error, ContextKind::InvalidArg);
    let name = flag.trim_start_matches('-').split(' ').next().unwrap_or_default();
    settings.iter().find(|setting| setting.get_long() == Some(name)).copied()
}

/// Names the variable if the value is from there.
fn cause(setting: &Arg, value: &str, shown: &str) -> Option<String> {
    let variable = setting.get_env()?;
    let is_set = std::env::var(variable).is_ok_and(|set| set == value);
    let variable = variable.to_string_lossy();
    is_set.then(|| format!("the environment variable {variable} is set to '{shown}'"))
}

/// Of bytes that are no text Clap does not say where they are.
fn not_utf8(settings: &[&Arg]) -> Option<String> {
    let mut variables = settings.iter().filter_map(|setting| setting.get_env());
    let is_bad =
        |variable: &&OsStr| std::env::var_os(variable).is_some_and(|set| set.to_str().is_none());
    let variable = variables.find(is_bad)?.to_string_lossy();
    Some(format!("the environment variable {variable} must be UTF-8"))
}

/// Control characters in what was given are shown, not sent to the terminal.
fn escape(error: &mut clap::Error) {
    let escaped: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => {
                Some((kind, ContextValue::String(console::escaped(text))))
            }
            ContextValue::Strings(texts) => {
                let texts = texts.iter().map(|text| console::escaped(text)).collect();
                Some((kind, ContextValue::Strings(texts)))
            }
            _ => None,
        })
        .collect();
    for (kind, value) in escaped {
        error.insert(kind, value);
    }
}
