//! The limit of event streams.

use std::num::NonZeroUsize;

use clap::Args;

use super::parsers::count;
use super::{ConnectionSettings, SettingError};

#[derive(Debug, Clone, Args)]
pub struct EventStreamSettings {
    /// Maximum number of open event streams (`GET /sites/{site_id}/events`), each of which uses a connection; one client
    /// gets three quarters of them. Must be below `MAX_CONNECTIONS`; half of it if unset. Lower: less memory (about 30 kB
    /// each). Higher: fewer connections are left to other requests
    #[arg(long, env, value_name = "STREAMS", value_parser = count::<1, 1_000_000>)]
    max_event_streams: Option<NonZeroUsize>,
}

impl EventStreamSettings {
    /// The limit, below that of connections.
    ///
    /// # Errors
    /// When no connections would be left.
    pub fn limit(&self, connections: &ConnectionSettings) -> Result<usize, SettingError> {
        let connections = connections.maximum();
        let Some(limit) = self.max_event_streams.map(NonZeroUsize::get) else {
            return Ok(connections / 2);
        };
        if limit >= connections {
            let rule = "must be below MAX_CONNECTIONS: each stream uses a connection";
            return Err(SettingError::new("MAX_EVENT_STREAMS", rule));
        }
        Ok(limit)
    }
}
