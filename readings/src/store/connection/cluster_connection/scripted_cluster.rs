//! Nodes that speak RESP and reply as a test says.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What the nodes reply: to the node of this number, to a command of these words. `None` closes the connection.
pub(super) type Script = Box<dyn FnMut(usize, &[String]) -> Option<String> + Send>;

/// Which node has which slots: the number of the node, its epoch, the first slot and the last.
pub(super) type Owners = Vec<(usize, u64, u16, u16)>;

/// What each node says of itself.
const INFO: &str = "redis_version:7.4.0\r\ncluster_enabled:1\r\nmaster_link_status:";

/// A cluster of scripted nodes; they end with it.
pub(super) struct ScriptedCluster {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    ports: Vec<u16>,
    /// What each node reports; without a report it refuses `CLUSTER`.
    reports: Mutex<Vec<Owners>>,
    /// Masters and their replicas, which each node reports.
    replicas: Mutex<Vec<(usize, usize)>>,
    /// The state of the replicas' links to their masters.
    link: Mutex<&'static str>,
    script: Mutex<Script>,
    received: Mutex<Vec<(usize, String)>>,
}

impl ScriptedCluster {
    /// Starts as many nodes as reports, one each.
    pub async fn start(
        reports: Vec<Owners>,
        script: impl FnMut(usize, &[String]) -> Option<String> + Send + 'static,
    ) -> Self {
        let mut listeners = Vec::new();
        for _ in &reports {
            listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
        }
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            ports: listeners.iter().map(port).collect(),
            reports: Mutex::new(reports),
            replicas: Mutex::default(),
            link: Mutex::new("up"),
            script: Mutex::new(Box::new(script)),
            received: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        for (node, listener) in listeners.into_iter().enumerate() {
            let shared = Arc::clone(&shared);
            tasks.spawn(async move {
                let mut connections = JoinSet::new();
                while let Ok((socket, _)) = listener.accept().await {
                    connections.spawn(serve(Arc::clone(&shared), node, socket));
                }
            });
        }
        Self { shared, _tasks: tasks }
    }

    /// The URL of the first node.
    pub fn url(&self) -> String {
        format!("redis+cluster://127.0.0.1:{}", self.shared.ports[0])
    }

    pub fn port(&self, node: usize) -> u16 {
        self.shared.ports[node]
    }

    /// Changes what they reply.
    pub fn reply_by(
        &self,
        script: impl FnMut(usize, &[String]) -> Option<String> + Send + 'static,
    ) {
        *self.shared.script.lock().unwrap() = Box::new(script);
    }

    /// Changes what the nodes report.
    pub fn report(&self, reports: Vec<Owners>) {
        *self.shared.reports.lock().unwrap() = reports;
    }

    /// Changes which replicas the nodes report: a master and a replica of it each.
    pub fn report_replicas(&self, replicas: &[(usize, usize)]) {
        *self.shared.replicas.lock().unwrap() = replicas.to_vec();
    }

    /// Changes the state of the replicas' links to their masters: `up` or `down`.
    pub fn report_link(&self, state: &'static str) {
        *self.shared.link.lock().unwrap() = state;
    }

    /// The commands that went by the script, as `node: words`.
    pub fn received(&self) -> Vec<String> {
        let received = self.shared.received.lock().unwrap();
        received.iter().map(|(node, words)| format!("{node}: {words}")).collect()
    }
}

impl Shared {
    fn reply(&self, node: usize, words: &[String]) -> Option<String> {
        match (words[0].as_str(), words.get(1).map(String::as_str)) {
            ("HELLO", _) => Some("*0\r\n".to_owned()),
            ("CLIENT", Some("ID")) => Some(":7\r\n".to_owned()),
            ("CLIENT" | "READONLY", _) => Some("+OK\r\n".to_owned()),
            ("INFO", _) => Some(bulk(&format!("{INFO}{}\r\n", self.link.lock().unwrap()))),
            ("CLUSTER", Some("SLOTS")) => Some(self.slots(node)),
            ("CLUSTER", _) => Some(self.nodes(node)),
            _ => {
                self.received.lock().unwrap().push((node, words.join(" ")));
                (self.script.lock().unwrap())(node, words)
            }
        }
    }

    fn slots(&self, node: usize) -> String {
        let owners = self.reports.lock().unwrap()[node].clone();
        let owners = owners.iter().filter(|(_, _, first, last)| first <= last);
        let ranges: Vec<_> = owners
            .map(|(owner, _, first, last)| {
                let mut nodes = vec![self.node(*owner)];
                let replicas = self.replicas.lock().unwrap();
                let replicas = replicas.iter().filter(|(master, _)| master == owner);
                nodes.extend(replicas.map(|(_, replica)| self.node(*replica)));
                format!("*{}\r\n:{first}\r\n:{last}\r\n{}", 2 + nodes.len(), nodes.concat())
            })
            .collect();
        format!("*{}\r\n{}", ranges.len(), ranges.concat())
    }

    fn node(&self, node: usize) -> String {
        let (host, id) = (bulk("127.0.0.1"), bulk(&format!("node{node}")));
        format!("*3\r\n{host}:{}\r\n{id}", self.ports[node])
    }

    fn nodes(&self, node: usize) -> String {
        let owners = self.reports.lock().unwrap()[node].clone();
        let line =
            |(owner, epoch, _, _)| format!("node{owner} :0@0 master - 0 0 {epoch} connected\n");
        bulk(&owners.into_iter().map(line).collect::<String>())
    }
}

pub(super) fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

async fn serve(shared: Arc<Shared>, node: usize, socket: TcpStream) {
    let mut socket = BufReader::new(socket);
    while let Some(words) = read_command(&mut socket).await {
        let Some(reply) = shared.reply(node, &words) else { return };
        if socket.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read_command(socket: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
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
