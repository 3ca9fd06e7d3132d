//! A network that can be broken: stands between a service and Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Bytes that are passed on at a time, at most.
const CHUNK: usize = 16 * 1024;

/// The pauses in which a bandwidth is kept.
const SLICE: Duration = Duration::from_millis(20);

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All it should.
    Forward,
    /// Nothing: connections are made and nothing passes. What was sent meanwhile arrives when it
    /// heals, late, as a network does that sends again what was not acknowledged.
    BlackHole,
    /// Passes everything on, each chunk so much later, in both directions.
    Delay(Duration),
    /// Forwards this number of bytes per second in each direction of each connection.
    BytesPerSecond(usize),
    /// Truncates one in this number of replies, in this way; Redis has executed the command.
    Cut(Cut, u64),
    /// Refuses new connections (accepts and closes them); those there are live on.
    Refuse,
}

/// How a reply is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing of it arrives, and the connection is reset.
    ResetBefore,
    /// Half of it arrives, then the connection is reset.
    ResetMid,
    /// Half of it arrives, then the connection is closed as if nothing were wrong.
    CloseMid,
}

/// A proxy on a port of its own; its connections end with it.
pub struct Proxy {
    port: u16,
    network: Arc<Network>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Network {
    mode: watch::Sender<Mode>,
    /// Changed to close all connections.
    severed: watch::Sender<u64>,
    connections: AtomicU64,
    replies: AtomicU64,
}

impl Proxy {
    /// In front of the server at a port of this machine.
    pub async fn to(server_port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let network = Arc::new(Network {
            mode: watch::Sender::new(Mode::Forward),
            severed: watch::Sender::new(0),
            connections: AtomicU64::new(0),
            replies: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, server_port, Arc::clone(&network)));
        Self { port, network, accepting }
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Changes the mode, also of existing connections.
    pub fn set(&self, mode: Mode) {
        self.network.mode.send_replace(mode);
    }

    /// Closes all connections.
    pub fn sever(&self) {
        self.network.severed.send_modify(|times| *times += 1);
    }

    /// The number of connections so far.
    pub fn connections(&self) -> u64 {
        self.network.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.sever();
    }
}

async fn accept(listener: TcpListener, server_port: u16, network: Arc<Network>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        network.connections.fetch_add(1, Ordering::Relaxed);
        if *network.mode.borrow() != Mode::Refuse {
            tokio::spawn(connect(client, server_port, Arc::clone(&network)));
        }
    }
}

/// Forwards between a client and the server until one of them closes, or the proxy severs them.
async fn connect(client: TcpStream, server_port: u16, network: Arc<Network>) {
    let mut severed = network.severed.subscribe();
    wait_while_black(&network).await;
    let Ok(server) = TcpStream::connect(("127.0.0.1", server_port)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pump(from_client, to_server, &network, false) => {}
        () = pump(from_server, to_client, &network, true) => {}
        _ = severed.changed() => {}
    }
}

/// Forwards in one direction until that is closed.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, network: &Network, replies: bool) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(read @ 1..) = from.read(&mut buffer[..limit(network)]).await {
        wait_while_black(network).await;
        let mode = *network.mode.borrow();
        let passed = match mode {
            Mode::Cut(cut, one_in) if replies && network.is_to_be_cut(one_in) => {
                return cut_off(&buffer[..read], &mut to, cut).await;
            }
            Mode::Delay(delay) => {
                sleep(delay).await;
                to.write_all(&buffer[..read]).await
            }
            Mode::BytesPerSecond(_) => {
                sleep(SLICE).await;
                to.write_all(&buffer[..read]).await
            }
            _ => to.write_all(&buffer[..read]).await,
        };
        if passed.is_err() {
            break;
        }
    }
    // A closed connection does not get through a black hole either.
    wait_while_black(network).await;
}

/// How many bytes may be read next.
fn limit(network: &Network) -> usize {
    match *network.mode.borrow() {
        Mode::BytesPerSecond(bytes) => (bytes / 50).clamp(1, CHUNK),
        _ => CHUNK,
    }
}

async fn cut_off(reply: &[u8], to: &mut OwnedWriteHalf, cut: Cut) {
    if cut != Cut::ResetBefore {
        // Err: the client has gone already.
        let _ = to.write_all(&reply[..reply.len() / 2]).await;
    }
    if cut != Cut::CloseMid {
        let _ = to.as_ref().set_zero_linger();
    }
}

async fn wait_while_black(network: &Network) {
    // Err: the proxy is dropped, and its connections are about to be.
    let _ = network.mode.subscribe().wait_for(|&mode| mode != Mode::BlackHole).await;
}

impl Network {
    fn is_to_be_cut(&self, one_in: u64) -> bool {
        self.replies.fetch_add(1, Ordering::Relaxed) % one_in == one_in - 1
    }
}
