//! A port that forwards to one Redis and later to another, like a host name whose address changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Forwards to a Redis; its connections are closed when it is dropped.
pub struct TcpSwitch {
    port: u16,
    target: Arc<AtomicU16>,
    turned: watch::Sender<()>,
    accepting: JoinHandle<()>,
}

impl TcpSwitch {
    /// Forwards to the Redis at a port.
    pub async fn to(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (target, turned) = (Arc::new(AtomicU16::new(target)), watch::Sender::new(()));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&target), turned.clone()));
        Self { port, target, turned, accepting }
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Forwards new connections to another Redis, and closes the existing ones.
    pub fn switch_to(&self, target: u16) {
        self.target.store(target, Ordering::Relaxed);
        self.turned.send_replace(());
    }
}

impl Drop for TcpSwitch {
    fn drop(&mut self) {
        self.accepting.abort();
        self.turned.send_replace(());
    }
}

async fn accept(listener: TcpListener, target: Arc<AtomicU16>, turned: watch::Sender<()>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let mut turned = turned.subscribe();
        let target = target.load(Ordering::Relaxed);
        tokio::spawn(async move {
            tokio::select! {
                () = pass_on(client, target) => {}
                _ = turned.changed() => {}
            }
        });
    }
}

async fn pass_on(mut client: TcpStream, target: u16) {
    // Err, here and below: one side has closed, which the other will notice.
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
