//! Packing of closed days.

use std::time::Duration;

use clap::Args;

use super::parsers::duration;

#[derive(Debug, Clone, Args)]
pub struct PackingSettings {
    /// How long after its end a UTC day of a site is packed: its readings become one compressed value, which takes about a
    /// twentieth of the memory. As `3d`; `0` is never. The original Python services see readings that are not packed only;
    /// `energy-pipeline unpack` restores all
    #[arg(long, env, value_name = "TIME", default_value = "0", value_parser = duration)]
    pack_after: Duration,
}

impl PackingSettings {
    /// How long after its end a day is packed; `None` is never.
    pub fn pack_after(&self) -> Option<Duration> {
        Some(self.pack_after).filter(|age| !age.is_zero())
    }
}
