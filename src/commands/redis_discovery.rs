//! Which Redis a command asks that does one thing and ends.

use readings::store::RedisServer;

use crate::config::{SettingFault, ToolRedis};
use crate::{console, local_redis};

/// The server that is named; else the private one of a running `up`, which is said, as no setting tells
/// it; else that of the defaults.
///
/// # Errors
/// When a setting is of no use.
pub async fn server(settings: &ToolRedis) -> Result<RedisServer, SettingFault> {
    if !settings.is_named
        && let Ok(directory) = settings.data.path()
        && let Some(server) = local_redis::running(&directory).await
    {
        let directory = directory.display();
        console::complain(format_args!(
            "using the private Redis of `up`, {} (data in {directory})",
            server.name()
        ));
        return Ok(server);
    }
    settings.redis.server()
}
