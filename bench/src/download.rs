//! Downloads a large response, of any transfer coding.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HOST;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime;

/// The timing of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Download {
    /// From sending the request to the first bytes of the body.
    pub first: Duration,
    /// From sending the request to the end of the body.
    pub whole: Duration,
    /// Bytes of the body.
    pub length: u64,
}

/// The body of a 200 response.
///
/// # Errors
/// When the response has another status, or is incomplete.
pub async fn body(address: SocketAddr, path: &str) -> anyhow::Result<Bytes> {
    Ok(get(address, path).await?.into_body().collect().await?.to_bytes())
}

/// Downloads a response and discards it. Blocks.
///
/// # Errors
/// As [`body`].
pub fn measured(address: SocketAddr, path: &str) -> anyhow::Result<Download> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(download(address, path))
}

async fn download(address: SocketAddr, path: &str) -> anyhow::Result<Download> {
    let sent = Instant::now();
    read(sent, get(address, path).await?).await
}

/// A connection for many responses, one after the other.
#[derive(Debug)]
pub struct KeptConnection {
    address: SocketAddr,
    requests: SendRequest<Empty<Bytes>>,
}

impl KeptConnection {
    /// Connects to a server.
    ///
    /// # Errors
    /// When the port is closed.
    pub async fn to(address: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self { address, requests: connect(address).await? })
    }

    /// Downloads a response and discards it.
    ///
    /// # Errors
    /// As [`body`].
    pub async fn download(&mut self, path: &str) -> anyhow::Result<Download> {
        let sent = Instant::now();
        let response = request(&mut self.requests, self.address, path).await?;
        read(sent, response).await
    }

    /// Downloads a response, and returns its body as well.
    ///
    /// # Errors
    /// As [`body`].
    pub async fn body(&mut self, path: &str) -> anyhow::Result<(Download, Bytes)> {
        let sent = Instant::now();
        let response = request(&mut self.requests, self.address, path).await?;
        let first = sent.elapsed();
        let body = response.into_body().collect().await?.to_bytes();
        let length = body.len().try_into()?;
        Ok((Download { first, whole: sent.elapsed(), length }, body))
    }
}

async fn read(sent: Instant, response: Response<Incoming>) -> anyhow::Result<Download> {
    let mut body = response.into_body();
    let (mut first, mut length) = (None, 0);
    while let Some(frame) = body.frame().await {
        first.get_or_insert_with(|| sent.elapsed());
        length += frame?.into_data().map_or(0, |data| data.len());
    }
    let first = first.context("the response has no body")?;
    Ok(Download { first, whole: sent.elapsed(), length: length.try_into()? })
}

async fn get(address: SocketAddr, path: &str) -> anyhow::Result<Response<Incoming>> {
    request(&mut connect(address).await?, address, path).await
}

async fn connect(address: SocketAddr) -> anyhow::Result<SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Errors of the connection show in the response.
    tokio::spawn(connection);
    Ok(requests)
}

async fn request(
    requests: &mut SendRequest<Empty<Bytes>>,
    address: SocketAddr,
    path: &str,
) -> anyhow::Result<Response<Incoming>> {
    let request =
        Request::get(path).header(HOST, address.to_string()).body(Empty::<Bytes>::new())?;
    let response = requests.send_request(request).await?;
    ensure!(response.status() == 200, "the response to GET {path} is {}", response.status());
    Ok(response)
}
