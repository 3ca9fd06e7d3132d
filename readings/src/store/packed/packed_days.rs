//! Reads and changes the packed days of sites.

use std::time::Duration;

use redis::{Value, cmd, pipe};

use super::block::{BlockError, PackedMembers};
use super::change::{Changed, DayChange};
use super::header::DayHeader;
use super::site_days::SiteDays;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::connection::{SharedConnection, reply};
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::{keys, lease};

const HGETALL: &str = "HGETALL";
const HMGET: &str = "HMGET";
const HGET: &str = "HGET";
const HSET: &str = "HSET";

/// The packed days of all sites, over a connection that others may share.
#[derive(Debug, Clone)]
pub struct PackedDays {
    connection: SharedConnection,
}

impl PackedDays {
    /// The packed days of the server that the connection leads to.
    #[must_use]
    pub const fn new(connection: SharedConnection) -> Self {
        Self { connection }
    }

    pub(super) const fn connection(&self) -> &SharedConnection {
        &self.connection
    }

    /// The days of a site (`HGETALL`).
    ///
    /// # Errors
    /// When the server replied with an error or not at all, or a header is of a later format.
    pub async fn of_site(&self, site: &SiteId) -> StoreResult<SiteDays> {
        let mut command = cmd(HGETALL);
        command.arg(keys::days(site));
        let reply = self.connection.send(HGETALL, &command).await?;
        SiteDays::parse(reply).ok_or_else(|| self.connection.unexpected_reply(HGETALL))
    }

    /// The header of a day.
    ///
    /// # Errors
    /// As [`PackedDays::of_site`].
    pub async fn header(&self, site: &SiteId, day: Day) -> StoreResult<Option<DayHeader>> {
        let mut command = cmd(HGET);
        command.arg(keys::days(site)).arg(day.number());
        let value = reply::bytes(self.connection.send(HGET, &command).await?);
        let header = |bytes: Vec<u8>| {
            let header = DayHeader::from_bytes(&bytes);
            header.ok_or_else(|| self.connection.unexpected_reply(HGET))
        };
        value.map(header).transpose()
    }

    /// The headers of days, and the present version of all days of the site, as of one moment.
    ///
    /// # Errors
    /// As [`PackedDays::of_site`].
    pub async fn headers(
        &self,
        site: &SiteId,
        days: &[Day],
    ) -> StoreResult<(Option<Vec<u8>>, Vec<Option<DayHeader>>)> {
        let mut command = cmd(HMGET);
        command.arg(keys::days(site)).arg(keys::DAYS_VERSION);
        for day in days {
            command.arg(day.number());
        }
        let unexpected = || self.connection.unexpected_reply(HMGET);
        let values = reply::array(self.connection.send(HMGET, &command).await?);
        let mut values = values.ok_or_else(unexpected)?.into_iter();
        let version = values.next().and_then(reply::bytes);
        let header = |value| {
            let Some(bytes) = reply::bytes(value) else { return Ok(None) };
            DayHeader::from_bytes(&bytes).map(Some).ok_or_else(unexpected)
        };
        Ok((version, values.map(header).collect::<StoreResult<_>>()?))
    }

    /// The days of sites, in their order, in one Redis pipeline (`HGETALL`).
    ///
    /// # Errors
    /// As of [`PackedDays::of_site`].
    pub(in crate::store) async fn of_sites(&self, sites: &[&SiteId]) -> StoreResult<Vec<SiteDays>> {
        if sites.is_empty() {
            return Ok(Vec::new());
        }
        let mut commands = pipe();
        for site in sites {
            commands.cmd(HGETALL).arg(keys::days(site));
        }
        let (replies, _) = self.connection.send_all(HGETALL, &commands).await?;
        let days = |reply: StoreResult<Value>| {
            SiteDays::parse(reply?).ok_or_else(|| self.connection.unexpected_reply(HGETALL))
        };
        replies.into_iter().map(days).collect()
    }

    /// The present version of a site's days; `None` where no day was ever packed.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn version(&self, site: &SiteId) -> StoreResult<Option<Vec<u8>>> {
        let mut command = cmd(HGET);
        command.arg(keys::days(site)).arg(keys::DAYS_VERSION);
        self.connection.send(HGET, &command).await.map(reply::bytes)
    }

    /// The packed values of days (`HMGET`), each with the revision that it is of; `None` for a day without one.
    ///
    /// # Errors
    /// When the server replied with an error or not at all, or a value is damaged.
    pub async fn members(
        &self,
        site: &SiteId,
        days: &[Day],
    ) -> StoreResult<Vec<Option<(u32, PackedMembers)>>> {
        if days.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = cmd(HMGET);
        command.arg(keys::packed(site));
        for day in days {
            command.arg(day.number());
        }
        let values = reply::array(self.connection.send(HMGET, &command).await?);
        let values = values.ok_or_else(|| self.connection.unexpected_reply(HMGET))?;
        let read = |(value, day): (Value, &Day)| {
            let Some(block) = reply::bytes(value) else { return Ok(None) };
            PackedMembers::from_block(&block).map(Some).map_err(|it| self.damaged(site, *day, &it))
        };
        values.into_iter().zip(days).map(read).collect()
    }

    /// Changes a day, in one step. Without a lease, at whose end that is done, the summary of the days is stored as well.
    ///
    /// # Errors
    /// When the server replied with an error or not at all: the day may be changed, and is to be read again.
    pub async fn change(&self, site: &SiteId, change: &DayChange<'_>) -> StoreResult<Changed> {
        let changed = self.change_one(site, change).await?;
        if changed == Changed::Yes && change.lease.is_none() {
            // Err: where there is no summary the headers are read.
            let _ = self.summarize(site).await;
        }
        Ok(changed)
    }

    /// As [`PackedDays::change`], of several days of a site, after the last of which [`PackedDays::summarize`] is called.
    ///
    /// # Errors
    /// As of [`PackedDays::change`].
    pub async fn change_one(&self, site: &SiteId, change: &DayChange<'_>) -> StoreResult<Changed> {
        match self.connection.eval(HSET, &change.script(site)).await? {
            Value::Int(1) => Ok(Changed::Yes),
            Value::Int(0) => Ok(Changed::ReadAgain),
            Value::Int(-1) => Ok(Changed::LeaseLost),
            _ => Err(self.connection.unexpected_reply(HSET)),
        }
    }

    /// Acquires or renews the lease of a site for a process: whether it has it now. A removal of members ends it.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn acquire(&self, site: &SiteId, token: &str, lease: Duration) -> StoreResult<bool> {
        let field = [&keys::days(site), keys::PACKING_LEASE];
        lease::acquire(&self.connection, field, token, lease).await
    }

    /// Ends the lease of a site, and stores the summary of its days.
    ///
    /// # Errors
    /// When the server replied with an error or not at all: it expires.
    pub async fn release(&self, site: &SiteId, token: &str) -> StoreResult<()> {
        self.summarize(site).await?;
        lease::release(&self.connection, [&keys::days(site), keys::PACKING_LEASE], token).await
    }

    fn damaged(&self, site: &SiteId, day: Day, error: &BlockError) -> StoreError {
        let text = format!("the packed day {day} of site {site}: {error}");
        self.connection.found(HMGET, ErrorClass::Other, text)
    }
}
