//! What carries the requests of a connection, and which requests it must not carry.

use hyper::StatusCode;
use poem::http::uri::Scheme;

use crate::client_certificate::ClientCertificate;
use crate::error_code::ErrorCode;

/// The paths that need no client certificate: probes of a platform have none.
const WITHOUT_CERTIFICATE: [&str; 3] = ["/health", "/livez", "/readyz"];

/// What carries the requests of a connection.
#[derive(Debug, Clone)]
pub(super) enum Transport {
    /// TCP.
    Plain,
    /// TCP, on a port for TLS.
    PlainOnTlsPort,
    /// TLS, with the certificate that the client has sent, if any.
    Tls(Option<ClientCertificate>),
    /// TLS, without the client certificate that the server requires.
    TlsWithoutCertificate,
}

impl Transport {
    /// The scheme of the URLs that lead here.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Plain | Self::PlainOnTlsPort => Scheme::HTTP,
            Self::Tls(_) | Self::TlsWithoutCertificate => Scheme::HTTPS,
        }
    }

    /// The certificate that the client has sent.
    pub fn client_certificate(&self) -> Option<&ClientCertificate> {
        if let Self::Tls(certificate) = self { certificate.as_ref() } else { None }
    }

    /// Whether the connection is of no further use to its client.
    pub const fn must_close(&self) -> bool {
        matches!(self, Self::PlainOnTlsPort)
    }

    /// The error of a request for this path, if it is rejected whatever else it has.
    pub fn rejection(&self, path: &str) -> Option<(StatusCode, ErrorCode, &'static str)> {
        match self {
            Self::Plain | Self::Tls(_) => None,
            Self::PlainOnTlsPort => Some((
                StatusCode::BAD_REQUEST,
                ErrorCode::TlsRequired,
                "A plain HTTP request was sent to an HTTPS port; the URL must begin with https://",
            )),
            Self::TlsWithoutCertificate => (!WITHOUT_CERTIFICATE.contains(&path)).then_some((
                StatusCode::FORBIDDEN,
                ErrorCode::ClientCertificateRequired,
                "The client must send a certificate of an authority that this service trusts",
            )),
        }
    }
}
