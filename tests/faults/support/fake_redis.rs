//! A server that responds unlike Redis.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use redis::{Cmd, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::common::wait;

/// How it responds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// To each command with these bytes.
    Says(&'static [u8]),
    /// Like Redis to the handshake, and to each other command with these bytes.
    SaysAfterHandshake(&'static [u8]),
    /// Like the Redis behind it, but to this command with these bytes.
    Spoils(&'static str, &'static [u8]),
    /// Not at all.
    Hangs,
    /// By closing the connection.
    Closes,
}

/// Listens until it is dropped.
pub struct FakeRedis {
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    behaviour: Mutex<Behaviour>,
    asked: AtomicUsize,
    /// The port of the Redis behind it.
    behind: Option<u16>,
    connections: Mutex<Vec<JoinHandle<()>>>,
}

impl FakeRedis {
    /// Listens on this port.
    pub async fn listen(port: u16, behind: Option<u16>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let state = Arc::new(State {
            behaviour: Mutex::new(Behaviour::Hangs),
            asked: AtomicUsize::new(0),
            behind,
            connections: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { state, accepting }
    }

    /// Changes the behaviour, and waits until it has received a command.
    pub async fn behave(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock().unwrap() = behaviour;
        self.disconnect();
        self.state.asked.store(0, Ordering::Relaxed);
        wait::until(&format!("it is asked: {behaviour:?}"), async || {
            self.state.asked.load(Ordering::Relaxed) > 0
        })
        .await;
    }

    fn disconnect(&self) {
        self.state.connections.lock().unwrap().drain(..).for_each(|task| task.abort());
    }
}

impl Drop for FakeRedis {
    fn drop(&mut self) {
        self.accepting.abort();
        self.disconnect();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let serving = tokio::spawn(serve(stream, Arc::clone(&state)));
        state.connections.lock().unwrap().push(serving);
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let mut behind = match state.behind {
        Some(port) => TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok(),
        None => None,
    };
    let mut received = Vec::new();
    while let Some(command) = next(&mut stream, &mut received).await {
        state.asked.fetch_add(1, Ordering::Relaxed);
        let behaviour = *state.behaviour.lock().unwrap();
        let reply = match behaviour {
            Behaviour::Hangs => continue,
            Behaviour::Closes => return,
            Behaviour::Says(bytes) => bytes.to_vec(),
            Behaviour::SaysAfterHandshake(bytes) => {
                handshake(&command).unwrap_or_else(|| bytes.to_vec())
            }
            Behaviour::Spoils(name, bytes) => {
                let reply = pass_on(behind.as_mut().expect("there is one behind"), &command).await;
                if is(&command, name) { bytes.to_vec() } else { reply }
            }
        };
        if stream.write_all(&reply).await.is_err() {
            return;
        }
    }
}

/// The next command; `None` when the connection has ended.
async fn next(stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<Vec<Vec<u8>>> {
    loop {
        let mut rest = &received[..];
        if let Some(words) = words(&mut rest) {
            let left = rest.len();
            received.drain(..received.len() - left);
            return Some(words);
        }
        if stream.read_buf(received).await.ok()? == 0 {
            return None;
        }
    }
}

/// An array of bulk strings, if it is complete.
fn words(rest: &mut &[u8]) -> Option<Vec<Vec<u8>>> {
    let count = number(rest)?;
    (0..count).map(|_| word(rest)).collect()
}

fn word(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let length = number(rest)?;
    let word = rest.get(..length)?.to_vec();
    *rest = rest.get(length + 2..)?;
    Some(word)
}

/// The number of a line such as `*3` or `$5`.
fn number(rest: &mut &[u8]) -> Option<usize> {
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let number = str::from_utf8(&rest[1..end]).unwrap().parse().unwrap();
    *rest = &rest[end + 2..];
    Some(number)
}

fn is(command: &[Vec<u8>], name: &str) -> bool {
    command.first().is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
}

fn handshake(command: &[Vec<u8>]) -> Option<Vec<u8>> {
    const INFO: &str = "# Server\r\nredis_version:7.0.15\r\nrole:master\r\ncluster_enabled:0\r\n";
    let reply = match &command.first()?.to_ascii_uppercase()[..] {
        b"HELLO" => "%1\r\n$5\r\nproto\r\n:3\r\n".to_owned(),
        b"CLIENT" => "+OK\r\n".to_owned(),
        b"INFO" => format!("${}\r\n{INFO}\r\n", INFO.len()),
        _ => return None,
    };
    Some(reply.into_bytes())
}

async fn pass_on(behind: &mut TcpStream, command: &[Vec<u8>]) -> Vec<u8> {
    let mut packed = Cmd::new();
    packed.arg(command);
    behind.write_all(&packed.get_packed_command()).await.unwrap();
    let mut reply = Vec::new();
    while redis::parse_redis_value(&reply).is_err() {
        assert!(behind.read_buf(&mut reply).await.unwrap() > 0, "Redis has closed");
    }
    assert!(!matches!(redis::parse_redis_value(&reply), Ok(Value::Push { .. })));
    reply
}
