//! HTTPS: the files of a server, the handshake of a connection.

mod config;
mod failed_handshake;
mod files;
mod handshake;

pub use self::config::Tls;
pub use self::files::{TlsFileError, TlsFiles};
pub(super) use self::handshake::accept;
