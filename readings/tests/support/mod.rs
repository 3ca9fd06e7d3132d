//! A real Redis, as the black-box tests start it, and a connection to it.

#[allow(dead_code, reason = "each test uses a part")]
pub mod day_mover;
#[allow(dead_code, reason = "each test uses a part")]
pub mod house;
#[allow(dead_code, reason = "each test uses a part")]
pub mod packer;
#[path = "../../../tests/common/process.rs"]
#[allow(dead_code, reason = "each test uses a part")]
mod process;
#[path = "../../../tests/common/redis.rs"]
#[allow(dead_code, reason = "each test uses a part")]
pub mod redis;
#[allow(dead_code, reason = "each test uses a part")]
pub mod tiers;
#[path = "../../../tests/common/wait.rs"]
#[allow(dead_code, reason = "each test uses a part")]
pub mod wait;

use readings::store::{RedisServer as Server, SharedConnection};

use self::redis::RedisServer;

/// A connection as the services have it.
#[allow(dead_code, reason = "each test uses a part")]
pub fn shared(redis: &RedisServer) -> SharedConnection {
    Server::from_url(&format!("redis://127.0.0.1:{}", redis.port())).unwrap().shared()
}
