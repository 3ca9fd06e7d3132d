//! Timeouts of connections over TLS, with a simulated clock.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

const CERTIFICATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/certificates");

fn tls() -> Tls {
    let [certificates, key] =
        ["localhost.pem", "localhost.key.pem"].map(|name| Path::new(CERTIFICATES).join(name));
    Tls::load(&TlsFiles { certificates, key, client_authorities: None }, false).unwrap()
}

async fn secure(limit: usize) -> Server {
    Server::start_with(empty(), limit, Some(tls())).await
}

async fn connect(server: &Server) -> TlsStream<TcpStream> {
    let certificate = Path::new(CERTIFICATES).join("localhost.pem");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_complete_is_cut_off() {
    let server = secure(10).await;
    for sent in [&b""[..], b"\x16\x03", b"\x16\x03\x01\x02\x00\x01"] {
        let mut client = server.sent(sent).await;
        let began = Instant::now();
        assert_eq!(rest(&mut client).await, "");
        assert_eq!(began.elapsed().as_secs(), 15, "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_handshake_is_replaced_by_a_new_connection() {
    let server = secure(1).await;
    let mut stalled = server.sent(b"\x16\x03\x01").await;
    let began = Instant::now();
    let mut client = connect(&server).await;
    client.write_all(REQUEST).await.unwrap();
    assert!(head(&mut client).await.starts_with("HTTP/1.1 200"));
    assert!(began.elapsed() < Duration::from_secs(2), "after {:?}", began.elapsed());
    assert_eq!(rest(&mut stalled).await, "", "it has been closed");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_end_gets_a_408_over_tls() {
    let server = secure(10).await;
    let mut client = connect(&server).await;
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    let began = Instant::now();
    let response = rest(&mut client).await;
    assert_eq!(began.elapsed().as_secs(), HEADER_READ_TIMEOUT.as_secs());
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_ends_with_a_close_notify() {
    let server = secure(10).await;
    let mut client = connect(&server).await;
    client.write_all(REQUEST).await.unwrap();
    head(&mut client).await;
    let idle = Instant::now();
    // Without a close_notify it would be an error.
    assert_eq!(rest(&mut client).await, "");
    assert_eq!(idle.elapsed().as_secs(), KEEP_ALIVE.as_secs());
}
