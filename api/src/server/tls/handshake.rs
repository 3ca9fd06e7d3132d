//! The beginning of a connection to an HTTPS port.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use webpki::EndEntityCert;

use super::config::Tls;
use super::failed_handshake;
use crate::client_certificate::ClientCertificate;
use crate::server::client_socket::{self, PROBE_TIMEOUT};
use crate::server::client_stream::{ClientStream, TcpWithTimeout, with_timeout};
use crate::server::connection_state::ConnectionState;
use crate::server::transport::Transport;

/// How long a handshake may take. Too low and clients on slow links cannot connect; too high and clients that do not
/// complete it keep their connections.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);

/// A stream of requests, and what carries them.
type Accepted = (ClientStream, Transport);

/// Why there is no such stream; with the connection, if the client is to be sent an alert.
type Failure = (io::Error, Option<TcpWithTimeout>);

/// The stream of a connection to an HTTPS port; `None` if it has ended before, which is recorded.
pub(in crate::server) async fn accept(
    stream: TcpStream,
    client: SocketAddr,
    tls: &Tls,
    state: &Arc<ConnectionState>,
) -> Option<Accepted> {
    let limit = if state.probes_only { PROBE_TIMEOUT } else { HANDSHAKE_TIMEOUT };
    let handshake = timeout_at(state.since() + limit, handshake(stream, tls));
    let outcome = until_closing(state, handshake).await?;
    let (error, connection) = match outcome {
        Ok(Ok(accepted)) => return accepted,
        Ok(Err(failure)) => failure,
        Err(elapsed) => (elapsed.into(), None),
    };
    failed_handshake::record(client, &error);
    if let Some(connection) = connection {
        client_socket::close(connection, state).await;
    }
    None
}

/// The output of a future, unless the connection is to close before.
async fn until_closing<T>(state: &ConnectionState, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        state.register(cx.waker());
        if state.is_closing() { Poll::Ready(None) } else { future.as_mut().poll(cx).map(Some) }
    })
    .await
}

/// The stream; `None` if the client has disconnected without a byte, as probes of TCP do.
async fn handshake(stream: TcpStream, tls: &Tls) -> Result<Option<Accepted>, Failure> {
    let mut first = [0];
    let received = stream.peek(&mut first).await.map_err(|error| (error, None))?;
    if received == 0 {
        return Ok(None);
    }
    let stream = with_timeout(stream);
    // A record of TLS begins with a control character (RFC 8446, 5.1), a request with its method.
    if first.first().is_some_and(u8::is_ascii_alphabetic) {
        return Ok(Some((ClientStream::Plain(stream), Transport::PlainOnTlsPort)));
    }
    let accepting = TlsAcceptor::from(tls.config()).accept(stream).into_fallible();
    let stream = accepting.await.map_err(|(error, connection)| (error, Some(connection)))?;
    let transport = transport(&stream, tls.requires_certificate());
    Ok(Some((ClientStream::Tls(Box::new(stream)), transport)))
}

fn transport(stream: &TlsStream<TcpWithTimeout>, requires_certificate: bool) -> Transport {
    let (_, session) = stream.get_ref();
    match session.peer_certificates().and_then(<[_]>::first) {
        Some(certificate) => Transport::Tls(Some(client_certificate(certificate))),
        None if requires_certificate => Transport::TlsWithoutCertificate,
        None => Transport::Tls(None),
    }
}

/// The DNS names (`subjectAltName`, RFC 5280, 4.2.1.6) of a certificate that the handshake has verified. The common name
/// is not one (RFC 9525, 2).
fn client_certificate(verified: &CertificateDer<'_>) -> ClientCertificate {
    // Err: it has been parsed before, to verify it.
    let certificate = EndEntityCert::try_from(verified).ok();
    let names = certificate.iter().flat_map(|certificate| certificate.valid_dns_names());
    ClientCertificate { names: names.map(str::to_ascii_lowercase).collect() }
}
