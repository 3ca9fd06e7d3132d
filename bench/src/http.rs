//! Minimal HTTP/1.1 for both ends of the bench: one message at a time, bodies with `Content-Length`.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use httparse::{EMPTY_HEADER, Header, Request, Response, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The most header lines of a message.
const MAX_HEADERS: usize = 32;

/// Initial size of the buffer in bytes; messages have a few hundred.
const BUFFER: usize = 4 * 1024;

/// A keep-alive connection.
#[derive(Debug)]
pub struct HttpStream {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A message at the start of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Message {
    /// Of a response; 0 of a request.
    status: u16,
    head: usize,
    body: usize,
}

/// Parses the head of a request or response; `None` if it is incomplete.
type ReadHead = fn(&[u8]) -> anyhow::Result<Option<Message>>;

impl HttpStream {
    /// Wraps a connection.
    ///
    /// # Errors
    /// When it is closed.
    pub fn new(stream: TcpStream) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(BUFFER) })
    }

    /// Connects to a server.
    ///
    /// # Errors
    /// When the port is closed.
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        Self::new(TcpStream::connect(address).await?)
    }

    /// Sends a request, and returns the status of the response.
    ///
    /// # Errors
    /// When the server closes the connection or does not speak HTTP.
    pub async fn request(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        let response =
            self.read(response_head).await?.context("the server closed the connection")?;
        self.buffer.drain(..response.head + response.body);
        Ok(response.status)
    }

    /// The body of the next request; `None` when the client has closed the connection.
    ///
    /// # Errors
    /// When the client does not speak HTTP.
    pub async fn next_request(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(request) = self.read(request_head).await? else {
            return Ok(None);
        };
        let message = self.buffer.drain(..request.head + request.body);
        Ok(Some(message.skip(request.head).collect()))
    }

    /// Sends a response.
    ///
    /// # Errors
    /// When the client has closed the connection.
    pub async fn respond(&mut self, response: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(response).await?)
    }

    /// Reads until the buffer has a complete message; `None` at the end of the connection.
    async fn read(&mut self, head: ReadHead) -> anyhow::Result<Option<Message>> {
        loop {
            if let Some(message) = head(&self.buffer)?
                && message.head + message.body <= self.buffer.len()
            {
                return Ok(Some(message));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    bail!("an incomplete message")
                };
            }
        }
    }
}

fn response_head(bytes: &[u8]) -> anyhow::Result<Option<Message>> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut response = Response::new(&mut headers);
    let Status::Complete(head) = response.parse(bytes)? else {
        return Ok(None);
    };
    let status = response.code.context("a response has a status")?;
    // RFC 9110, section 8.6: a 204 has no content, and no length.
    let body = if status == 204 { Some(0) } else { body_length(response.headers)? };
    Ok(Some(Message { status, head, body: body.context("the response has no content-length")? }))
}

fn request_head(bytes: &[u8]) -> anyhow::Result<Option<Message>> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = Request::new(&mut headers);
    let Status::Complete(head) = request.parse(bytes)? else {
        return Ok(None);
    };
    Ok(Some(Message { status: 0, head, body: body_length(request.headers)?.unwrap_or(0) }))
}

fn body_length(headers: &[Header<'_>]) -> anyhow::Result<Option<usize>> {
    let length = headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    length.map(|header| Ok(str::from_utf8(header.value)?.parse()?)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_ends_after_its_content_length() {
        let response =
            b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\nx-request-id: 1\r\n\r\n{}HTTP/1.1";
        let message = response_head(response).unwrap().unwrap();
        assert_eq!((message.status, &response[message.head..][..message.body]), (201, &b"{}"[..]));
        assert_eq!(response_head(&response[..30]).unwrap(), None, "more is to come");
    }

    #[test]
    fn a_response_without_content_ends_after_its_head() {
        let message = response_head(b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1").unwrap().unwrap();
        assert_eq!((message.status, message.body), (204, 0));
    }

    #[test]
    fn a_response_without_content_length_is_an_error() {
        assert!(response_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
