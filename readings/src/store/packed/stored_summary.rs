//! Stores the summary of a site's days, and finds it.

use std::sync::LazyLock;

use redis::{Cmd, Script, Value, cmd, pipe};

use self::FoundSummary::{Known, NoDays, Stale};
use super::packed_days::PackedDays;
use super::summary::DaysSummary;
use crate::reading::SiteId;
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::keys;

const HMGET: &str = "HMGET";
const HSET: &str = "HSET";

/// Stores the summary of a site's days, unless they have changed.
static SUMMARIZE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HSET', KEYS[1], ARGV[3], ARGV[4]) end
         return 1",
    )
});

impl PackedDays {
    /// Stores the summary of a site's days, if it has none of their version.
    ///
    /// # Errors
    /// When the server replied with an error or not at all: then the headers are read in its place.
    pub async fn summarize(&self, site: &SiteId) -> StoreResult<()> {
        if !matches!(self.summary_of(self.connection().send(HMGET, &summary(site)).await?)?, Stale)
        {
            return Ok(());
        }
        self.read_summary(site).await.map(drop)
    }

    /// The summaries of sites, in their order, in one Redis pipeline; `None` of a site without days. Where none is stored of
    /// the present version, the headers are read, and it is.
    ///
    /// # Errors
    /// When the server replied with an error or not at all, or a header is of a later format.
    pub async fn summaries(&self, sites: &[&SiteId]) -> StoreResult<Vec<Option<DaysSummary>>> {
        if sites.is_empty() {
            return Ok(Vec::new());
        }
        let mut commands = pipe();
        for site in sites {
            commands.add_command(summary(site));
        }
        let (replies, _) = self.connection().send_all(HMGET, &commands).await?;
        let mut summaries = Vec::with_capacity(sites.len());
        for (site, reply) in sites.iter().zip(replies) {
            summaries.push(match self.summary_of(reply?)? {
                NoDays => None,
                Known(_, summary) => Some(summary),
                Stale => self.read_summary(site).await?,
            });
        }
        Ok(summaries)
    }

    /// Reads the headers of a site, and stores their summary.
    async fn read_summary(&self, site: &SiteId) -> StoreResult<Option<DaysSummary>> {
        let days = self.of_site(site).await?;
        let (Some(version), Some(summary)) = (&days.version, days.summary()) else {
            return Ok(None);
        };
        let mut script = SUMMARIZE.key(keys::days(site));
        script.arg(keys::DAYS_VERSION).arg(version.as_slice());
        script.arg(keys::DAYS_SUMMARY).arg(summary.to_bytes(version));
        self.connection().eval(HSET, &script).await?;
        Ok(Some(summary))
    }

    /// What the reply to [`summary`] says.
    ///
    /// # Errors
    /// When it is of another shape.
    pub(in crate::store) fn summary_of(&self, reply: Value) -> StoreResult<FoundSummary> {
        let fields = reply::array(reply).and_then(|fields| <[Value; 2]>::try_from(fields).ok());
        let [version, summary] = fields.ok_or_else(|| self.connection().unexpected_reply(HMGET))?;
        let Some(version) = reply::bytes(version) else { return Ok(NoDays) };
        let summary = reply::bytes(summary);
        let summary = summary.and_then(|bytes| DaysSummary::from_bytes(&bytes, &version));
        Ok(summary.map_or(Stale, |summary| Known(version, summary)))
    }
}

/// What is stored of a site's days together.
#[derive(Debug)]
pub(in crate::store) enum FoundSummary {
    /// No day was ever packed.
    NoDays,
    /// The summary of this version.
    Known(Vec<u8>, DaysSummary),
    /// None of the present version.
    Stale,
}

/// The command that reads the version and the summary of a site's days.
pub(in crate::store) fn summary(site: &SiteId) -> Cmd {
    let mut command = cmd(HMGET);
    command.arg(keys::days(site)).arg(keys::DAYS_VERSION).arg(keys::DAYS_SUMMARY);
    command
}
