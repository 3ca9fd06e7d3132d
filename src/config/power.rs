//! Which power is valid.

use clap::{ArgAction, Args};

use super::parsers::boolean;

#[derive(Debug, Clone, Args)]
pub struct PowerSettings {
    /// `true` accepts negative power: energy that is fed into the grid. The same for all ingestion APIs and processing
    /// services: a processing service without it dead-letters what an ingestion API with it accepts
    #[arg(long, env, value_name = "BOOLEAN", default_value = "false", action = ArgAction::Set)]
    #[arg(value_parser = boolean)]
    allow_negative_power: bool,
}

impl PowerSettings {
    /// Makes this the rule of the process; before the first reading is parsed.
    pub fn apply(&self) {
        if self.allow_negative_power {
            readings::power::permit_negative();
        }
    }
}
