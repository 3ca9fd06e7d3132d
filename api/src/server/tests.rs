mod handshakes;
mod properties;

use std::future::pending;

use poem::endpoint::{make, make_sync};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::client_socket::HEADER_READ_TIMEOUT;
use super::*;

const KEEP_ALIVE: Duration = Duration::from_mins(10);
const REQUEST: &[u8] = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";

/// A server on a port of its own that ends with its test.
struct Server {
    address: SocketAddr,
    serving: JoinHandle<io::Result<()>>,
}

impl Server {
    async fn start(endpoint: impl Endpoint<Output = Response> + 'static, limit: usize) -> Self {
        Self::start_with(endpoint, limit, None).await
    }

    async fn start_with(
        endpoint: impl Endpoint<Output = Response> + 'static,
        limit: usize,
        tls: Option<Tls>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Connections::new(Limits { connections: limit, keep_alive: KEEP_ALIVE });
        let serving =
            tokio::spawn(serve(listener, endpoint, connections, tls, pending(), Duration::ZERO));
        Self { address, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection that has sent these bytes.
    async fn sent(&self, bytes: &[u8]) -> TcpStream {
        let mut client = self.connect().await;
        client.write_all(bytes).await.unwrap();
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn empty() -> impl Endpoint<Output = Response> {
    make_sync(|_| Response::default())
}

/// All that a server sends until it closes the connection.
async fn rest(client: &mut (impl AsyncRead + Unpin)) -> String {
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    String::from_utf8(rest).unwrap()
}

/// The head of a response without a body.
async fn head(client: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_cut_off_however_much_of_it_comes() {
    let server = Server::start(empty(), 10).await;
    let mut client = server.sent(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
    let began = Instant::now();
    let (mut reading, mut writing) = client.split();
    let mut response = String::new();
    tokio::select! {
        _ = reading.read_to_string(&mut response) => {}
        () = async { loop { sleep(Duration::from_secs(1)).await; let _ = writing.write_all(b"a").await; } } => {}
    }
    let took = began.elapsed();
    assert!(
        took >= HEADER_READ_TIMEOUT && took < HEADER_READ_TIMEOUT * 2,
        "cut off after {took:?}"
    );
    assert!(
        response.starts_with("HTTP/1.1 408 ") && response.contains("x-request-id: "),
        "{response}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_outlives_a_head_and_is_closed_in_the_end() {
    let server = Server::start(empty(), 10).await;
    let mut client = server.sent(REQUEST).await;
    head(&mut client).await;
    let idle = Instant::now();
    assert_eq!(rest(&mut client).await, "");
    assert_eq!(idle.elapsed().as_secs(), KEEP_ALIVE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn the_connection_that_is_idle_longest_is_closed_for_a_new_one() {
    let server = Server::start(empty(), 2).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = server.sent(REQUEST).await;
        assert!(head(&mut client).await.starts_with("HTTP/1.1 200"));
        clients.push(client);
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(rest(&mut clients[0]).await, "", "the first has been closed");
    for client in &mut clients[1..] {
        client.write_all(REQUEST).await.unwrap();
        assert!(head(client).await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test(start_paused = true)]
async fn where_all_connections_are_busy_only_probes_get_a_response() {
    let busy = make(async |request: poem::Request| {
        if request.uri().path() == "/busy" {
            pending::<()>().await;
        }
        Ok::<_, poem::Error>(Response::default())
    });
    let server = Server::start(busy, 2).await;
    let _busy = [
        server.sent(b"GET /busy HTTP/1.1\r\nHost: x\r\n\r\n").await,
        server.sent(b"GET /busy HTTP/1.1\r\nHost: x\r\n\r\n").await,
    ];
    sleep(Duration::from_secs(2)).await;
    let probed = rest(&mut server.sent(REQUEST).await).await;
    assert!(probed.starts_with("HTTP/1.1 200") && probed.contains("connection: close"), "{probed}");
    let refused = rest(&mut server.sent(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await).await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(
        refused.contains("retry-after: 5") && refused.contains("connection: close"),
        "{refused}"
    );
}
