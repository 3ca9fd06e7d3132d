//! The loaded server: its address, and a check that it accepts the load.

use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use hyper::Uri;
use tokio::net::lookup_host;

use crate::http::HttpStream;
use crate::requests::{BATCH, Requests};

/// The implementation lacks the endpoint of batches.
#[derive(Debug, thiserror::Error)]
#[error("{0} has no POST {BATCH} (404): nothing is measured")]
pub struct BatchUnsupported(String);

/// Sends the first request alone, for a clear error.
///
/// # Errors
/// When it is not accepted; [`BatchUnsupported`] if the endpoint of batches is missing.
pub async fn check(address: SocketAddr, requests: &Requests, name: &str) -> anyhow::Result<()> {
    let first = requests.all.first().context("there are requests")?;
    let connection = HttpStream::connect(address).await;
    let mut connection = connection.with_context(|| format!("cannot connect to {name}"))?;
    match connection.request(first.as_bytes()).await? {
        200..300 => Ok(()),
        404 if requests.readings > 1 => bail!(BatchUnsupported(name.to_owned())),
        status => bail!("{name} responds {status} to valid readings"),
    }
}

/// The address of a URL.
///
/// # Errors
/// When the URL has no host, or has a path.
pub async fn resolve(url: &Uri) -> anyhow::Result<SocketAddr> {
    ensure!(url.scheme_str() == Some("http"), "{url}: only http:// can be loaded");
    ensure!(matches!(url.path(), "" | "/"), "{url}: name the server only, without a path");
    let host = url.host().context("the URL has no host")?.trim_matches(['[', ']']);
    let addresses = lookup_host((host, url.port_u16().unwrap_or(80))).await;
    let mut addresses = addresses.with_context(|| format!("cannot look up {host}"))?;
    addresses.next().with_context(|| format!("{host} has no address"))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use tokio::net::TcpListener;

    use super::*;

    /// A server that responds to every request with a status.
    async fn server(status: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut stream = HttpStream::new(listener.accept().await.unwrap().0).unwrap();
            while stream.next_request().await.unwrap().is_some() {
                let response = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                stream.respond(response.as_bytes()).await.unwrap();
            }
        });
        address
    }

    async fn checked(status: &'static str, batch: u32) -> anyhow::Result<()> {
        let requests = Requests::new("localhost", NonZeroU32::new(batch)).unwrap();
        check(server(status).await, &requests, "it").await
    }

    #[tokio::test]
    async fn an_implementation_without_batches_is_told_from_one_that_refuses_them() {
        assert!(checked("404 Not Found", 10).await.unwrap_err().is::<BatchUnsupported>());
        assert!(
            !checked("422 Unprocessable Content", 10).await.unwrap_err().is::<BatchUnsupported>()
        );
        assert!(
            !checked("404 Not Found", 0).await.unwrap_err().is::<BatchUnsupported>(),
            "single ones"
        );
        checked("200 OK", 10).await.unwrap();
    }

    #[tokio::test]
    async fn a_url_names_a_server_and_no_more() {
        let resolved = async |url: &str| resolve(&url.parse().unwrap()).await;
        let address = resolved("http://127.0.0.1:8000").await.unwrap();
        assert_eq!(address, "127.0.0.1:8000".parse().unwrap());
        assert_eq!(resolved("http://[::1]/").await.unwrap(), "[::1]:80".parse().unwrap());
        for bad in ["https://127.0.0.1", "http://127.0.0.1/readings", "127.0.0.1:8000"] {
            assert!(resolved(bad).await.is_err(), "{bad}");
        }
    }
}
