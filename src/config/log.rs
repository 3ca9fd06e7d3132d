//! Which logs are written, and how.

use clap::{Args, ValueEnum};

#[derive(Debug, Clone, Args)]
pub struct LogSettings {
    /// Which logs are written: `info`, or by part, such as `warn,actors=debug`
    #[arg(long, env, value_name = "LEVELS", default_value = "info")]
    pub rust_log: String,
    /// How logs are written; `auto` is text on a terminal and JSON elsewhere
    #[arg(long, env, value_name = "FORMAT", default_value = "auto")]
    pub log_format: LogFormat,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}
