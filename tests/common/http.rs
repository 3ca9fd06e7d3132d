//! HTTP requests and responses.

use std::net::IpAddr;
use std::sync::Once;

use reqwest::header::HeaderMap;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A client of one server.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    base: String,
}

/// A response.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Http {
    /// A client of the server at a URL.
    pub fn at(base: &str) -> Self {
        Self::with(builder().build().unwrap(), base)
    }

    /// The server at a URL, by this client.
    pub fn with(client: Client, base: &str) -> Self {
        Self { client, base: base.trim_end_matches('/').to_owned() }
    }

    /// A client whose connections have this source address.
    pub fn from_address(base: &str, address: IpAddr) -> Self {
        let any = Self::at(base);
        let client = Client::builder().no_proxy().local_address(address).build().unwrap();
        Self { client, ..any }
    }

    /// The server's URL, without a `/` at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path)).await
    }

    /// Sends a body as JSON.
    pub async fn post(&self, path: &str, body: impl Into<String>) -> Reply {
        self.try_post(path, body).await.expect("the server answers")
    }

    /// Sends a body as JSON to a server that may be shutting down.
    pub async fn try_post(&self, path: &str, body: impl Into<String>) -> reqwest::Result<Reply> {
        let request = self.request(Method::POST, path);
        Reply::try_of(request.header("content-type", "application/json").body(body.into())).await
    }

    /// A connection for bytes that no client library would send.
    pub async fn raw(&self) -> RawConnection {
        let (_, address) = self.base.split_once("://").unwrap();
        RawConnection(TcpStream::connect(address).await.expect("the server listens"))
    }
}

/// Builds a client that connects to this machine.
pub fn builder() -> ClientBuilder {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    Client::builder().no_proxy()
}

impl Reply {
    pub async fn of(request: RequestBuilder) -> Self {
        Self::try_of(request).await.expect("the server answers")
    }

    pub async fn try_of(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.bytes().await?.to_vec() })
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is UTF-8")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the answer {self:?}"))
    }

    /// The `detail` of an error body.
    pub fn detail(&self) -> String {
        self.json()["detail"].as_str().expect("`detail` is a sentence").to_owned()
    }

    /// The value of a header; the test fails unless there is exactly one.
    pub fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        let [value] = values[..] else { panic!("not one {name} but {values:?} in {self:?}") };
        value.to_str().unwrap()
    }
}

/// A connection to a server.
pub struct RawConnection(TcpStream);

impl RawConnection {
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // Err: the server has responded already and closes; the response is read later.
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Sends what the kernel buffers without waiting.
    pub fn try_send(&mut self, bytes: &[u8]) {
        // Err: the buffer is full, or the server has closed the connection.
        let _ = self.0.try_write(bytes);
    }

    /// Half-closes the connection, as `nc -N` does; what the server sends is still read.
    pub async fn end_sending(&mut self) {
        // Err: the server has closed the connection; the response is read later.
        let _ = self.0.shutdown().await;
    }

    /// Reads this number of bytes from the server.
    pub async fn take(&mut self, bytes: usize) {
        self.0.read_exact(&mut vec![0; bytes]).await.expect("the server sends more");
    }

    /// What the server sends until it closes the connection.
    pub async fn text(mut self) -> String {
        let mut bytes = Vec::new();
        if let Err(error) = self.0.read_to_end(&mut bytes).await {
            assert!(!bytes.is_empty(), "the server answers: {error}");
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The response, up to the end of the connection: request that with `Connection: close`.
    pub async fn reply(self) -> Reply {
        let text = self.text().await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no HTTP answer: {text:?}"));
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.parse().ok()?, value.trim().parse().ok()?))
        };
        Reply { status, headers: lines.filter_map(header).collect(), body: body.into() }
    }
}

/// A text as one segment of a path: every byte but letters and digits is percent-encoded.
pub fn segment(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() {
            escaped.push(byte.into());
        } else {
            write!(escaped, "%{byte:02X}").unwrap();
        }
        escaped
    })
}
