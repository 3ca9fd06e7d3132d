//! Makes a Redis Cluster of empty servers: each gets an equal part of the hash slots.

use std::io;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use anyhow::ensure;
use redis::cmd;
use tokio::time::sleep;

use super::address::{self, HOST, connect};

/// Hash slots of every Redis Cluster.
const SLOTS: u16 = 16_384;

/// How often a joining node is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Timeout until all nodes know all slots. Nodes tell each other once a second.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The distance of the port of a node's bus from that for clients.
const BUS_OFFSET: u16 = 10_000;

/// A free port of a node, with which that of its bus is a port as well.
///
/// # Errors
/// When all ports are in use.
pub(super) fn free_port() -> io::Result<u16> {
    loop {
        let port = address::free_port()?;
        if port.checked_add(BUS_OFFSET).is_some() {
            return Ok(port);
        }
    }
}

/// Joins the servers of these ports.
///
/// # Errors
/// When a server rejects a command, or the Cluster is not complete in time.
pub(super) async fn join(ports: &[u16]) -> anyhow::Result<()> {
    let masters = NonZeroU16::try_from(u16::try_from(ports.len())?)?;
    for (number, &port) in (0..).zip(ports) {
        let mut connection = connect(port).await?;
        let (first, next) = (first_slot(number, masters), first_slot(number + 1, masters));
        let mut assign = cmd("CLUSTER");
        assign.arg("ADDSLOTSRANGE").arg(first).arg(next - 1);
        assign.query_async::<()>(&mut connection).await?;
        let mut meet = cmd("CLUSTER");
        meet.arg("MEET").arg(HOST.to_string()).arg(ports[0]);
        meet.query_async::<()>(&mut connection).await?;
    }
    for &port in ports {
        wait_until_complete(port, ports.len()).await?;
    }
    Ok(())
}

async fn wait_until_complete(port: u16, masters: usize) -> anyhow::Result<()> {
    let (mut connection, started) = (connect(port).await?, Instant::now());
    let complete = ["cluster_state:ok".to_owned(), format!("cluster_size:{masters}")];
    loop {
        let mut ask = cmd("CLUSTER");
        let state: String = ask.arg("INFO").query_async(&mut connection).await?;
        if complete.iter().all(|line| state.lines().any(|found| found == line)) {
            return Ok(());
        }
        ensure!(started.elapsed() < TIMEOUT, "the Cluster is not complete: {state}");
        sleep(POLL_INTERVAL).await;
    }
}

/// The number of the master that has a key.
///
/// # Errors
/// When the server returns an error.
pub(super) async fn owner(port: u16, key: &str, masters: NonZeroU16) -> anyhow::Result<usize> {
    if masters == NonZeroU16::MIN {
        return Ok(0);
    }
    let mut ask = cmd("CLUSTER");
    let slot: u16 = ask.arg("KEYSLOT").arg(key).query_async(&mut connect(port).await?).await?;
    Ok((1..masters.get()).filter(|&number| first_slot(number, masters) <= slot).count())
}

/// The first slot of a master; that of the one after the last is the number of slots.
fn first_slot(number: u16, masters: NonZeroU16) -> u16 {
    let slot = u32::from(SLOTS) * u32::from(number) / u32::from(masters.get());
    u16::try_from(slot).unwrap_or(SLOTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slots_are_divided_without_a_gap() {
        let three = NonZeroU16::new(3).unwrap();
        assert_eq!(
            [0, 1, 2, 3].map(|number| first_slot(number, three)),
            [0, 5_461, 10_922, 16_384]
        );
    }
}
