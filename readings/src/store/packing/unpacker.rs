//! Unpacks days: their members are in the sorted set again, byte for byte.
//!
//! First the day gets one value with the packed and the archived members. Then the members are added, some at a time, and the
//! header is not complete: both may have a member, and a removal covers both. The last change removes the value.
//! A process that ends before the first addition leaves a complete day: the sorted set has none of its members, so no
//! packer would find an incomplete one. Each step fails where the day was changed meanwhile, and the day is read again.
//!
//! A damaged packed value stays, unless it is to be discarded: then the day is what the archive and the sorted set have.

use std::time::Duration;

use super::collected::{collect, score_of};
use super::day_packer::blocking;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::connection::SharedConnection;
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::packed::{
    ArchivedDay, CHANGED_MEMBERS, Changed, Contents, DamagedValue, DayChange, DayHeader,
    PackedDays, PackedMembers, PackedPart, PackedValue, SiteDays,
};
use crate::store::series::SeriesStore;

/// As of the packer.
const LEASE: Duration = Duration::from_secs(30);

/// How often a day that changes meanwhile is read. Too low and the command ends with an error while readings of the day
/// arrive.
const ATTEMPTS: u32 = 20;

const HSET: &str = "HSET";

/// Unpacks days of sites.
#[derive(Debug, Clone)]
pub struct Unpacker {
    series: SeriesStore,
    token: String,
    discards_damaged: bool,
}

/// What was done with a day.
#[derive(Debug)]
pub enum Unpacked {
    /// Members are in the sorted set again.
    Members {
        /// How many.
        restored: u64,
        /// Readings that the header of a damaged value told of, and that were discarded with it.
        discarded: u64,
    },
    /// Its value is damaged, and was left as it is.
    Damaged(DamagedValue),
    /// Another process packs or unpacks the site.
    Leased,
    /// It was changed again and again.
    Contended,
}

impl Unpacker {
    /// Unpacks packed days of this store, and archived ones if it has an archive.
    #[must_use]
    pub fn new(series: SeriesStore) -> Self {
        let token = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        Self { series, token, discards_damaged: false }
    }

    /// The same, which discards damaged values: their readings are lost, unless the archive has them.
    #[must_use]
    pub fn discarding_damaged(self, discards_damaged: bool) -> Self {
        Self { discards_damaged, ..self }
    }

    /// The days of a site before one that are packed or archived.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn days(&self, site: &SiteId, until: Option<Day>) -> StoreResult<Vec<Day>> {
        let SiteDays { headers, .. } = self.days_of().of_site(site).await?;
        let days = headers.into_iter().filter(|(_, header)| header.has_members());
        Ok(days.map(|(day, _)| day).filter(|day| until.is_none_or(|until| *day < until)).collect())
    }

    /// Unpacks a day of a site.
    ///
    /// # Errors
    /// When the server or the archive replied with an error or not at all: each reading is in a tier, and the day can be
    /// unpacked again.
    pub async fn unpack(&self, site: &SiteId, day: Day) -> StoreResult<Unpacked> {
        for _ in 0..ATTEMPTS {
            if !self.days_of().acquire(site, &self.token, LEASE).await? {
                return Ok(Unpacked::Leased);
            }
            if let Some(unpacked) = self.attempt(site, day).await? {
                return Ok(unpacked);
            }
        }
        Ok(Unpacked::Contended)
    }

    /// Ends the lease of a site.
    ///
    /// # Errors
    /// As [`PackedDays::release`].
    pub async fn release(&self, site: &SiteId) -> StoreResult<()> {
        self.days_of().release(site, &self.token).await
    }

    const fn days_of(&self) -> &PackedDays {
        self.series.packed()
    }

    const fn connection(&self) -> &SharedConnection {
        self.series.connection()
    }

    /// `None` where the day was changed meanwhile.
    async fn attempt(&self, site: &SiteId, day: Day) -> StoreResult<Option<Unpacked>> {
        let header = self.days_of().header(site, day).await?;
        let Some(before) = header.filter(DayHeader::has_members) else {
            return Ok(Some(Unpacked::Members { restored: 0, discarded: 0 }));
        };
        let (packed, discarded) = match self.days_of().part(site, day, &before).await? {
            PackedPart::Members(members) => (members, 0),
            PackedPart::Changed => return Ok(None),
            PackedPart::Damaged(_) if self.discards_damaged => {
                (PackedMembers::default(), before.packed.count)
            }
            PackedPart::Damaged(damage) => return Ok(Some(Unpacked::Damaged(damage))),
        };
        let members = self.with_archived(site, day, &before, packed).await?;
        let Some(header) = self.begin(site, day, &before, &members).await? else {
            return Ok(None);
        };
        let added = self.add(site, day, header, &members).await?;
        Ok(added.then_some(Unpacked::Members { restored: members.len() as u64, discarded }))
    }

    /// The packed and archived members of a day, each once.
    async fn with_archived(
        &self,
        site: &SiteId,
        day: Day,
        header: &DayHeader,
        packed: PackedMembers,
    ) -> StoreResult<PackedMembers> {
        let Some(expected) = header.archived() else { return Ok(packed) };
        let archived = self.series.archived_members(site, day, expected).await?;
        let hot = archived.iter().filter_map(|member| Some((score_of(member)?, member.to_vec())));
        let (hot, id): (Vec<_>, _) = (hot.collect(), site.clone());
        let united = blocking(move || collect(&id, day, hot, &packed)).await;
        match united {
            Some(Ok(united)) => Ok(united.members),
            _ => Err(self.failed(site, day, "packed and archived members can not be united")),
        }
    }

    /// Writes the value of all members; `None` where the day was changed.
    async fn begin(
        &self,
        site: &SiteId,
        day: Day,
        before: &DayHeader,
        members: &PackedMembers,
    ) -> StoreResult<Option<DayHeader>> {
        let revision = before.revision.wrapping_add(1);
        let header = DayHeader {
            revision,
            is_complete: true,
            packed: members.contents(),
            archived: before.archived.map(|_| ArchivedDay::Superseded),
        };
        let members = members.clone();
        let block = blocking(move || members.to_block(revision).ok()).await.flatten();
        let block = block.ok_or_else(|| self.failed(site, day, "it can not be compressed"))?;
        let change = DayChange {
            day,
            expected: Some(before),
            lease: Some(&self.token),
            header: &header,
            value: PackedValue::Set(block),
            added: &[],
            removed: &[],
        };
        let changed = self.days_of().change(site, &change).await?;
        fail::fail_point!("unpack-after-change");
        Ok((changed == Changed::Yes).then_some(header))
    }

    /// Adds the members to the sorted set; `false` where the day was changed.
    async fn add(
        &self,
        site: &SiteId,
        day: Day,
        header: DayHeader,
        members: &PackedMembers,
    ) -> StoreResult<bool> {
        let scored: Option<Vec<_>> =
            members.iter().map(|member| Some((score_of(member)?, member))).collect();
        let Some(scored) = scored else {
            return Err(self.failed(site, day, "it has a member of a later version"));
        };
        let moving = DayHeader { is_complete: false, ..header.clone() };
        let last = DayHeader {
            revision: header.revision.wrapping_add(1),
            is_complete: true,
            packed: Contents::default(),
            archived: None,
        };
        // Without members the last change is the only one.
        let chunks = scored.chunks(CHANGED_MEMBERS).chain(scored.is_empty().then_some(&[][..]));
        let (mut chunks, mut expected) = (chunks.peekable(), &header);
        while let Some(added) = chunks.next() {
            let is_last = chunks.peek().is_none();
            let change = DayChange {
                day,
                expected: Some(expected),
                lease: Some(&self.token),
                header: if is_last { &last } else { &moving },
                value: if is_last { PackedValue::Removed } else { PackedValue::Kept },
                added,
                removed: &[],
            };
            if self.days_of().change(site, &change).await? != Changed::Yes {
                return Ok(false);
            }
            expected = &moving;
            fail::fail_point!("unpack-after-change");
        }
        Ok(true)
    }

    fn failed(&self, site: &SiteId, day: Day, what: &str) -> StoreError {
        let text = format!("the packed day {day} of site {site}: {what}");
        self.connection().found(HSET, ErrorClass::Other, text)
    }
}
