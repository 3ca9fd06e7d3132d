//! Finds the Redis server that a command works on, and the partitions of its stream.

use readings::store::RedisServer;
use readings::store::stream::StreamPartitions;

use crate::config::{CommandRedis, SettingError};
use crate::{console, local_redis};

/// The configured server; else the private server of a running `up`, which is announced, as no setting names
/// it; else the default.
///
/// # Errors
/// When a setting is invalid.
pub async fn find_server(settings: &CommandRedis) -> Result<RedisServer, SettingError> {
    if !settings.is_configured
        && let Ok(directory) = settings.data.path()
        && let Some(server) = local_redis::find_running(&directory).await
    {
        let directory = directory.display();
        console::eprint(format_args!(
            "using the private Redis of `up`, {} (data in {directory})",
            server.name()
        ));
        return Ok(server);
    }
    settings.redis.server()
}

/// The partitions of the stream on that server, those of other counts included.
///
/// # Errors
/// As [`find_server`], or when Redis does not respond.
pub async fn find_partitions(settings: &CommandRedis) -> anyhow::Result<StreamPartitions> {
    let connection = find_server(settings).await?.shared();
    let redis = &settings.redis;
    let partitions = StreamPartitions::new(&redis.keys(), redis.partitions(), &connection);
    partitions.refresh().await?;
    Ok(partitions)
}
