//! Days of a site in a Redis Cluster: its slot moves, and its master fails over, while a day is packed.

use super::support::packing::{PER_DAY, SITE, fill_site, start_launch_until, union};
use super::support::readers::Readers;
use crate::common::cluster::{Cluster, SHARDS};
use crate::common::product::{Launch, launch, query_api};
use crate::common::tiers;
use crate::common::wait;

const DAYS: usize = 3;

/// Places with the day in one tier, in both, and partly in both.
const PLACES: [&str; 3] = ["pack-after-read", "pack-after-verify", "pack-after-first-removal"];

fn key() -> String {
    format!("site:{SITE}:readings")
}

async fn filled() -> Cluster {
    let cluster = Cluster::start().await;
    fill_site(cluster.server_of(&key()).await, DAYS * PER_DAY).await;
    cluster
        .write_to_both("energy_readings:sites", &["ZADD", "energy_readings:sites", "0", SITE])
        .await;
    cluster
}

fn pack(cluster: &Cluster) -> Launch {
    launch(&["pack", "--site", SITE]).env("REDIS_URL", cluster.url())
}

/// Lets something happen while a packer stands still at each place.
async fn survive(happening: impl AsyncFn(&Cluster, usize)) {
    for place in PLACES {
        let cluster = filled().await;
        let owner = cluster.owner_of(&key()).await;
        let before = union(cluster.node(owner)).await;
        let query = query_api(cluster.node(owner)).env("REDIS_URL", cluster.url()).start().await;
        let readers = Readers::start(query.base(), [SITE]);
        readers.wait_for_more(1).await;
        let launch = pack(&cluster);
        let packer = start_launch_until(launch, cluster.node(owner), place, "1*sleep(5000)").await;
        happening(&cluster, owner).await;
        packer.expect(place).ended().await;
        let server = cluster.server_of(&key()).await;
        assert_eq!(union(server).await, before, "{place}");
        wait::until("all is packed", async || {
            super::support::packing::expire_lease(server).await;
            pack(&cluster).run().await.status.success()
        })
        .await;
        let tiers = tiers::of(server, SITE).await;
        assert_eq!((tiers.in_two_tiers().len(), tiers.faults.len()), (0, 0), "{place}");
        assert_eq!(tiers.packed_members().count(), (DAYS - 1) * PER_DAY, "{place}");
        assert_eq!(union(server).await, before, "{place}");
        readers.wait_for_more(1).await;
        readers.stop().await;
    }
}

#[tokio::test]
async fn the_slot_of_a_site_moves_while_a_day_is_packed_and_nothing_is_lost_or_twice() {
    survive(async |cluster, owner| {
        let slot = cluster.slot_of(&key()).await;
        cluster.move_slot(slot, (owner + 1) % SHARDS).await;
    })
    .await;
}

#[tokio::test]
async fn the_master_of_a_site_fails_over_while_a_day_is_packed_and_nothing_is_lost_or_twice() {
    survive(async |cluster, owner| cluster.fail_over_to(owner + SHARDS).await).await;
}
