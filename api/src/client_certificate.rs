//! The certificate by which a client has authenticated its TLS connection.

use std::sync::Arc;

/// A verified client certificate. Servers put it into the extensions of each request of the connection.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// Its DNS names (subject alternative names), in lower case.
    pub names: Arc<[String]>,
}
