//! Masters of a cluster that fail, and what their replicas had not received.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::sleep;

use super::checker::StoredAs;
use super::remains::Remains;
use crate::common::cluster::Cluster;

/// A replica has processed what its master had sent before it died. Longer than that takes and far shorter than the time
/// until it is promoted.
const RECEIVED_AFTER: Duration = Duration::from_millis(300);

/// The number of the new master, and what Redis lost.
pub type Replaced = (usize, BTreeSet<StoredAs>);

/// Kills a master and waits until its replica has taken its place. `archive`: where the archived days are.
pub async fn kill_master(cluster: &mut Cluster, node: usize, archive: Option<&str>) -> Replaced {
    let replica = cluster.replicas_of(node).await[0];
    cluster.kill(node);
    sleep(RECEIVED_AFTER).await;
    let received = Remains::copy_of(cluster.node(replica));
    let lost = Remains::of(cluster.node(node)).lacking_in(&received, archive).await;
    (cluster.wait_until_replaced(node).await, lost)
}

/// Stops a master (`SIGSTOP`) until its replica has taken its place and `meanwhile` has passed.
pub async fn stop_master(
    cluster: &mut Cluster,
    node: usize,
    archive: Option<&str>,
    meanwhile: impl AsyncFnOnce(),
) -> Replaced {
    away(cluster, node, archive, [Cluster::stop, Cluster::resume], meanwhile).await
}

/// Cuts a master off from the other nodes, but not from clients, until its replica has taken its place and `meanwhile` has
/// passed.
pub async fn isolate_master(
    cluster: &mut Cluster,
    node: usize,
    archive: Option<&str>,
    meanwhile: impl AsyncFnOnce(),
) -> Replaced {
    away(cluster, node, archive, [Cluster::isolate, Cluster::reunite], meanwhile).await
}

/// Takes a master away, and gives it back when its replica has taken its place and `meanwhile` has passed.
async fn away(
    cluster: &mut Cluster,
    node: usize,
    archive: Option<&str>,
    [take, give_back]: [fn(&mut Cluster, usize); 2],
    meanwhile: impl AsyncFnOnce(),
) -> Replaced {
    let remains = Remains::of(cluster.node(node));
    take(cluster, node);
    let promoted = cluster.wait_until_replaced(node).await;
    meanwhile().await;
    give_back(cluster, node);
    healed(cluster, &remains, promoted, archive).await
}

async fn healed(
    cluster: &Cluster,
    remains: &Remains,
    promoted: usize,
    archive: Option<&str>,
) -> Replaced {
    cluster.wait_until_healthy().await;
    let successor = Remains::copy_of(cluster.node(promoted));
    (promoted, remains.lacking_in(&successor, archive).await)
}
