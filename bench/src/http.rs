//! As much HTTP/1.1 as both ends of the bench need: one message at a time, bodies with their length.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use httparse::{EMPTY_HEADER, Header, Request, Response, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Header lines that a message may have at most.
const MAX_HEADERS: usize = 32;

/// Bytes that one read asks for at first; messages here have a few hundred.
const BUFFER: usize = 4 * 1024;

/// A connection that stays open from message to message.
#[derive(Debug)]
pub struct HttpStream {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A message at the beginning of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Message {
    /// Of an answer; of a request 0.
    status: u16,
    head: usize,
    body: usize,
}

/// The head of a request or of an answer; `None` while there is too little of it.
type ReadHead = fn(&[u8]) -> anyhow::Result<Option<Message>>;

impl HttpStream {
    /// Takes over a connection.
    ///
    /// # Errors
    /// When it is gone.
    pub fn new(stream: TcpStream) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(BUFFER) })
    }

    /// Connects to a server.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        Self::new(TcpStream::connect(address).await?)
    }

    /// Sends a whole request, and gives the status of its answer.
    ///
    /// # Errors
    /// When the server closes the connection or does not speak HTTP.
    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        let answer = self.read(answer_head).await?.context("the server closed the connection")?;
        self.buffer.drain(..answer.head + answer.body);
        Ok(answer.status)
    }

    /// The body of the next request; `None` when the client is done.
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

    /// Sends a whole answer.
    ///
    /// # Errors
    /// When the client is gone.
    pub async fn answer(&mut self, answer: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(answer).await?)
    }

    /// Reads until a whole message is in the buffer; `None` at the end of the connection.
    async fn read(&mut self, head: ReadHead) -> anyhow::Result<Option<Message>> {
        loop {
            if let Some(message) = head(&self.buffer)?
                && message.head + message.body <= self.buffer.len()
            {
                return Ok(Some(message));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { bail!("half a message") };
            }
        }
    }
}

fn answer_head(bytes: &[u8]) -> anyhow::Result<Option<Message>> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut response = Response::new(&mut headers);
    let Status::Complete(head) = response.parse(bytes)? else {
        return Ok(None);
    };
    let status = response.code.context("an answer has a status")?;
    let body = body_length(response.headers)?;
    Ok(Some(Message { status, head, body: body.context("an answer's length is unknown")? }))
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
    fn an_answer_ends_where_its_length_says() {
        let answer =
            b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\nx-request-id: 1\r\n\r\n{}HTTP/1.1";
        let message = answer_head(answer).unwrap().unwrap();
        assert_eq!((message.status, &answer[message.head..][..message.body]), (201, &b"{}"[..]));
        assert_eq!(answer_head(&answer[..30]).unwrap(), None, "more is to come");
    }

    #[test]
    fn an_answer_without_a_length_is_an_error() {
        assert!(answer_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
