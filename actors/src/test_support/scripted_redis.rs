//! A server that speaks RESP and replies as a test says, so that each rule of an actor can be tested with
//! the replies that it is about, in milliseconds.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A command: its name and arguments.
pub(crate) type Words = Vec<String>;

/// What the server replies to a command.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Ok,
    Int(u64),
    Text(String),
    List(Vec<Reply>),
    Error(&'static str),
    /// No value.
    Nil,
    /// The connection is closed instead.
    Close,
}

pub(crate) struct ScriptedRedis {
    port: u16,
    received: Arc<Mutex<Vec<Words>>>,
    /// Aborted with the server.
    _tasks: JoinSet<()>,
}

impl ScriptedRedis {
    /// Starts a server that replies by `script`, which is called once for each command after the handshake.
    pub async fn start(script: impl FnMut(&Words) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let server =
            Server { script: Arc::new(Mutex::new(script)), received: Arc::clone(&received) };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(server.clone().serve(socket));
            }
        });
        Self { port, received, _tasks: tasks }
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The commands of this name that have been received, each without its name.
    pub fn received(&self, name: &str) -> Vec<Words> {
        let received = self.received.lock().unwrap();
        let named = received.iter().filter(|words| words[0] == name);
        named.map(|words| words[1..].to_vec()).collect()
    }
}

struct Server<S> {
    script: Arc<Mutex<S>>,
    received: Arc<Mutex<Vec<Words>>>,
}

impl<S> Clone for Server<S> {
    fn clone(&self) -> Self {
        Self { script: Arc::clone(&self.script), received: Arc::clone(&self.received) }
    }
}

impl<S: FnMut(&Words) -> Reply> Server<S> {
    async fn serve(self, socket: TcpStream) {
        let mut socket = BufReader::new(socket);
        while let Some(words) = read_command(&mut socket).await {
            let reply = self.reply(words);
            if matches!(reply, Reply::Close) {
                return;
            }
            let mut bytes = Vec::new();
            encode(&reply, &mut bytes);
            if socket.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }

    fn reply(&self, words: Words) -> Reply {
        match words[0].as_str() {
            "HELLO" => Reply::List(Vec::new()),
            "CLIENT" if words[1] == "ID" => Reply::Int(1),
            "CLIENT" => Reply::Ok,
            "INFO" => Reply::Text("redis_version:7.4.0\r\n".to_owned()),
            "TIME" => {
                Reply::List(["1700000000", "0"].map(|part| Reply::Text(part.to_owned())).to_vec())
            }
            "ZRANGE" | "ZMSCORE" if words[1].ends_with(":deleted") => Reply::List(Vec::new()),
            _ => {
                let reply = (self.script.lock().unwrap())(&words);
                self.received.lock().unwrap().push(words);
                reply
            }
        }
    }
}

/// The next command, which is an array of bulk strings; `None` when the client has closed the connection.
async fn read_command(socket: &mut BufReader<TcpStream>) -> Option<Words> {
    let count = read_length(socket).await?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let mut word = vec![0; read_length(socket).await? + b"\r\n".len()];
        socket.read_exact(&mut word).await.ok()?;
        words.push(String::from_utf8_lossy(&word[..word.len() - 2]).into_owned());
    }
    Some(words)
}

/// A line such as `*3` or `$5`.
async fn read_length(socket: &mut BufReader<TcpStream>) -> Option<usize> {
    let mut line = String::new();
    socket.read_line(&mut line).await.ok()?;
    line.trim_end().get(1..)?.parse().ok()
}

fn encode(reply: &Reply, bytes: &mut Vec<u8>) {
    match reply {
        Reply::Ok => bytes.extend(b"+OK\r\n"),
        Reply::Int(number) => bytes.extend(format!(":{number}\r\n").as_bytes()),
        Reply::Text(text) => bytes.extend(format!("${}\r\n{text}\r\n", text.len()).as_bytes()),
        Reply::Error(text) => bytes.extend(format!("-{text}\r\n").as_bytes()),
        Reply::List(replies) => {
            bytes.extend(format!("*{}\r\n", replies.len()).as_bytes());
            for reply in replies {
                encode(reply, bytes);
            }
        }
        // The form of RESP2, in which RESP3 clients read it, too.
        Reply::Nil => bytes.extend(b"*-1\r\n"),
        Reply::Close => {}
    }
}
