//! Connections to the Redis server.

mod address;
mod admin;
mod credentials;
mod dedicated;
mod instrument;
mod live_connection;
mod master_watch;
pub mod preflight;
mod probe;
mod rejection_counter;
pub(crate) mod reply;
pub mod requirements;
pub(crate) mod resp2;
mod sentinel;
pub mod server;
pub mod server_checks;
mod shared;
mod socket;

pub use address::AddressFault;
pub use credentials::{Password, Secrets};
pub use dedicated::DedicatedConnection;
pub use requirements::Requirements;
pub use server::RedisServer;
pub use shared::{Epoch, RESPONSE_TIMEOUT, SharedConnection};
