//! Connections to the Redis server.
//!
//! | file | what it owns |
//! |---|---|
//! | `address`, `credentials`, `tls` | the server's address; password; trusted and own certificates |
//! | [`server`] | connects: resolves the address, authenticates |
//! | `sentinel`, `master_watch` | which server is the master, which are healthy replicas, and connections to a former one |
//! | [`requirements`], `probe` | commands that a role needs, in forms that change nothing |
//! | [`server_check`], `rejection_counter` | whether a server can be used, and what it lacks |
//! | [`server_info`], [`misconfiguration`] | `INFO`, and which of its settings endanger readings |
//! | `cluster`, `nodes` | the slot map of a Redis Cluster, and the node of a key |
//! | `shared` | the connection of many callers |
//! | `node_connection`, `live_connection`, `generation` | that to one server, its reconnects and generations |
//! | `cluster_connection`, `cluster_pipeline` | that to all nodes of a Redis Cluster |
//! | `shard_reads`, `cluster_reads` | which replica of each shard is read from, and what its master is asked for instead |
//! | `replica_wait`, `confirmation` | waits until replicas have what a shared connection has written |
//! | `replica_choice` | whether reads go to a replica, or for want of one to the primary |
//! | `replica_lag`, `replication_info` | how far the replica that is read from is behind |
//! | `dedicated`, `resp2`, `socket` | the connection of one caller that blocks; bulk replies parsed in place |
//! | `reply` | parsing the client library's values |
//! | `instrument` | duration, error class and span of a command |
//! | `admin`, [`server_memory`] | clock, memory, data directory and shutdown of the server |

mod address;
mod admin;
mod cluster;
mod cluster_connection;
mod cluster_pipeline;
mod cluster_reads;
mod confirmation;
mod credentials;
mod dedicated;
mod generation;
mod instrument;
mod live_connection;
mod master_watch;
pub mod misconfiguration;
mod node_connection;
mod nodes;
mod probe;
mod rejection_counter;
mod replica_choice;
mod replica_lag;
mod replica_wait;
mod replication_info;
pub(crate) mod reply;
pub mod requirements;
pub(crate) mod resp2;
mod sentinel;
pub mod server;
pub mod server_check;
pub mod server_info;
pub mod server_memory;
mod shard_reads;
mod shared;
mod socket;
mod tls;

pub use address::AddressError;
pub use credentials::{Credentials, Password, SentinelLogin};
pub use dedicated::DedicatedConnection;
pub use generation::Generation;
pub use live_connection::RESPONSE_TIMEOUT;
pub use misconfiguration::Misconfiguration;
pub use replica_lag::ReplicaLag;
pub use replica_wait::ReplicaWait;
pub use requirements::Requirements;
pub use server::RedisServer;
pub use server_check::ServerCheck;
pub use server_info::ServerInfo;
pub use server_memory::ServerMemory;
pub(crate) use shared::Placement;
pub use shared::SharedConnection;
pub use tls::{ClientCertificateFiles, TlsFiles, TlsFilesError};
