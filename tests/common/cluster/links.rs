//! The network between the nodes of a cluster, which can be cut while clients still reach every node.
//!
//! Each node announces ports of a proxy in place of its own, and connects from a loopback address of its own, by which
//! the proxy knows it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Node `n` connects from `127.0.0.(FIRST + n)`; clients from `127.0.0.1`.
const FIRST: usize = 101;

/// The proxies of all nodes; closed when dropped.
#[derive(Debug)]
pub struct Links {
    isolated: watch::Sender<BTreeSet<usize>>,
    /// The announced port and bus port of each node.
    announced: Vec<(u16, u16)>,
    accepting: Vec<JoinHandle<()>>,
}

impl Default for Links {
    fn default() -> Self {
        let isolated = watch::Sender::new(BTreeSet::new());
        Self { isolated, announced: Vec::new(), accepting: Vec::new() }
    }
}

impl Links {
    /// What one more node will be reached by. Before it has ports: one that is free then could become that of its proxy,
    /// which would forward to itself.
    pub async fn listen() -> [TcpListener; 2] {
        let listen = async || TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        [listen().await, listen().await]
    }

    /// Forwards to the ports of one more node; returns the ports at which it is reached.
    pub fn add_node(&mut self, [own, bus]: [TcpListener; 2], ports: (u16, u16)) -> (u16, u16) {
        let announced = (self.forward(own, ports.0), self.forward(bus, ports.1));
        self.announced.push(announced);
        announced
    }

    /// Forwards to the last node no longer.
    pub fn remove_node(&mut self) {
        self.announced.pop();
        let kept = 2 * self.announced.len();
        self.accepting.drain(kept..).for_each(|task| task.abort());
    }

    /// The settings of a node.
    pub fn arguments(&self, node: usize) -> Vec<String> {
        let (port, bus_port) = self.announced[node];
        let settings = [
            ("cluster-announce-port", port.to_string()),
            ("cluster-announce-bus-port", bus_port.to_string()),
            ("bind-source-addr", format!("127.0.0.{}", FIRST + node)),
        ];
        settings.into_iter().flat_map(|(name, value)| [format!("--{name}"), value]).collect()
    }

    /// Cuts all connections between these nodes and others, and no others.
    pub fn isolate(&self, nodes: BTreeSet<usize>) {
        self.isolated.send_replace(nodes);
    }

    fn forward(&mut self, listener: TcpListener, port: u16) -> u16 {
        let own = listener.local_addr().unwrap().port();
        let (node, isolated) = (self.announced.len(), self.isolated.subscribe());
        self.accepting.push(tokio::spawn(accept(listener, port, node, isolated)));
        own
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.accepting.iter().for_each(JoinHandle::abort);
    }
}

async fn accept(
    listener: TcpListener,
    port: u16,
    node: usize,
    isolated: watch::Receiver<BTreeSet<usize>>,
) {
    loop {
        let Ok((client, from)) = listener.accept().await else { continue };
        let (other, mut isolated) = (node_at(from.ip()), isolated.clone());
        tokio::spawn(async move {
            let is_cut = |isolated: &BTreeSet<usize>| {
                other.is_some_and(|o| {
                    o != node && (isolated.contains(&o) || isolated.contains(&node))
                })
            };
            tokio::select! {
                biased;
                _ = isolated.wait_for(is_cut) => {}
                () = forward(client, port) => {}
            }
        });
    }
}

/// The node that connects from an address; `None` for a client.
fn node_at(address: IpAddr) -> Option<usize> {
    let IpAddr::V4(address) = address else { return None };
    usize::from(address.octets()[3]).checked_sub(FIRST)
}

async fn forward(mut client: TcpStream, port: u16) {
    // Err, here and below: one side has closed, which the other will notice.
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
