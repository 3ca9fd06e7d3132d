//! Connections to the Redis server.
//!
//! | file | what it owns |
//! |---|---|
//! | `address`, `credentials`, `tls` | the server's address; password; trusted and own certificates |
//! | [`server`] | connects: resolves the address, authenticates |
//! | `sentinel`, `master_watch` | which server is the master, and connections to a former one |
//! | [`requirements`], `probe` | commands that a role needs, in forms that change nothing |
//! | [`server_check`], `rejection_counter` | whether a server can be used, and what it lacks |
//! | [`server_info`], [`misconfiguration`] | `INFO`, and which of its settings endanger readings |
//! | `shared`, `live_connection` | the connection of many callers, its reconnects and generations |
//! | `dedicated`, `resp2`, `socket` | the connection of one caller that blocks; bulk replies parsed in place |
//! | `reply` | parsing the client library's values |
//! | `instrument` | duration, error class and span of a command |
//! | `admin`, [`server_memory`] | clock, memory, data directory and shutdown of the server |

mod address;
mod admin;
mod credentials;
mod dedicated;
mod instrument;
mod live_connection;
mod master_watch;
pub mod misconfiguration;
mod probe;
mod rejection_counter;
pub(crate) mod reply;
pub mod requirements;
pub(crate) mod resp2;
mod sentinel;
pub mod server;
pub mod server_check;
pub mod server_info;
pub mod server_memory;
mod shared;
mod socket;
mod tls;

pub use address::AddressError;
pub use credentials::{Credentials, Password};
pub use dedicated::DedicatedConnection;
pub use live_connection::{Generation, RESPONSE_TIMEOUT};
pub use misconfiguration::Misconfiguration;
pub use requirements::Requirements;
pub use server::RedisServer;
pub use server_check::ServerCheck;
pub use server_info::ServerInfo;
pub use server_memory::ServerMemory;
pub use shared::SharedConnection;
pub use tls::{ClientCertificateFiles, TlsFiles, TlsFilesError};
