//! Error messages for values that cannot be parsed.

use std::ffi::OsStr;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use super::declared::settings;
use crate::console;

/// Adds to Clap's message, which names the flag only and shows values as they are: the variable that a value
/// comes from. Hides values that may be secret, and escapes characters that act on the terminal.
pub(super) fn describe(mut error: clap::Error, command: &Command) -> clap::Error {
    let settings = settings(command);
    let setting = setting_of(&error, &settings);
    let value = text(&error, ContextKind::InvalidValue);
    let is_secret = setting.is_some_and(Arg::is_hide_env_values_set);
    let shown = if is_secret { "…".to_owned() } else { console::escaped(&value) };
    let tip = match error.kind() {
        ErrorKind::InvalidUtf8 => not_utf8(&settings),
        _ => setting.and_then(|setting| origin(setting, &value, &shown)),
    };
    // Before the tip is added, which is escaped already.
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

/// The setting whose value is invalid.
fn setting_of<'a>(error: &clap::Error, settings: &[&'a Arg]) -> Option<&'a Arg> {
    let flag = text(error, ContextKind::InvalidArg);
    let name = flag.trim_start_matches('-').split(' ').next().unwrap_or_default();
    settings.iter().find(|setting| setting.get_long() == Some(name)).copied()
}

/// Names the variable if the value comes from it.
fn origin(setting: &Arg, value: &str, shown: &str) -> Option<String> {
    let variable = setting.get_env()?;
    let is_origin = std::env::var(variable).is_ok_and(|set| set == value);
    let variable = variable.to_string_lossy();
    is_origin.then(|| format!("the environment variable {variable} is set to '{shown}'"))
}

/// Clap's error about bytes that are not UTF-8 names neither flag nor variable.
fn not_utf8(settings: &[&Arg]) -> Option<String> {
    let mut variables = settings.iter().filter_map(|setting| setting.get_env());
    let is_invalid =
        |variable: &&OsStr| std::env::var_os(variable).is_some_and(|set| set.to_str().is_none());
    let variable = variables.find(is_invalid)?.to_string_lossy();
    Some(format!("the environment variable {variable} must be UTF-8"))
}

/// Escapes control characters in the values that the message quotes.
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
