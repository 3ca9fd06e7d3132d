//! The devices of a site until an instant, valid while the site has as many members before it as it was read from, in
//! the same rollup generation (`store::rollups` has the reasons).

use std::collections::BTreeMap;

use redis::{Pipeline, Value, cmd, pipe};

use super::device_facts::DeviceFacts;
use super::ends;
use crate::iso8601::Instant;
use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::StoreResult;
use crate::store::keys;

const ZCOUNT: &str = "ZCOUNT";

/// Facts by device.
pub(super) type Devices = BTreeMap<Box<str>, DeviceFacts>;

/// What the validity of a directory depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    /// The rollup generation; empty before the first removal.
    pub generation: Vec<u8>,
    /// Members before the instant.
    pub members: u64,
}

/// Devices of the readings before an instant.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    pub until: Instant,
    /// Read before the members were.
    pub signature: Signature,
    pub devices: Devices,
}

impl Directory {
    /// The directory of no readings: valid for all sites.
    pub fn nothing() -> Self {
        // Before the year 1.
        let until = Instant::from_epoch_micros(i64::MIN);
        let signature = Signature { generation: Vec::new(), members: 0 };
        Self { until, signature, devices: Devices::new() }
    }
}

/// The state of a site in Redis.
#[derive(Debug)]
pub(super) struct SiteState {
    /// Members in total.
    pub members: u64,
    /// The signatures at the instants that were asked for.
    pub signatures: Vec<Signature>,
}

/// Reads how many members a site has, and its signatures at these instants, all at one time.
pub(super) async fn state(
    connection: &SharedConnection,
    site: &SiteId,
    instants: &[Instant],
) -> StoreResult<SiteState> {
    let (replies, _) = connection.send_all(ZCOUNT, &commands(site, instants)).await?;
    let replies = replies.into_iter().collect::<StoreResult<Vec<_>>>()?;
    parse(replies).ok_or_else(|| connection.unexpected_reply(ZCOUNT))
}

fn commands(site: &SiteId, instants: &[Instant]) -> Pipeline {
    let mut commands = pipe();
    let mut generation = cmd("HGET");
    generation.arg(keys::rollups(site)).arg(keys::ROLLUP_GENERATION);
    commands.add_command(generation).add_command(ends::count(site));
    for instant in instants {
        let mut count = cmd(ZCOUNT);
        count.arg(keys::series(site)).arg("-inf").arg(format!("({}", instant.epoch_seconds()));
        commands.add_command(count);
    }
    commands
}

fn parse(replies: Vec<Value>) -> Option<SiteState> {
    let mut replies = replies.into_iter();
    let generation = reply::bytes(replies.next()?).unwrap_or_default();
    let members = reply::integer(&replies.next()?)?;
    let signature = |count: Value| {
        Some(Signature { generation: generation.clone(), members: reply::integer(&count)? })
    };
    Some(SiteState { members, signatures: replies.map(signature).collect::<Option<_>>()? })
}
