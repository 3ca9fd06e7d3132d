//! The packed value of a day, compared with its header.

use redis::cmd;

use super::block::{BlockError, PackedMembers};
use super::header::DayHeader;
use super::packed_days::PackedDays;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::error_class::ErrorClass;
use crate::store::keys;

const HMGET: &str = "HMGET";

/// How a packed value is not what its header tells of.
#[derive(Debug, thiserror::Error)]
pub enum DamagedValue {
    /// It does not exist.
    #[error("it has no value")]
    Missing,
    /// It can not be read.
    #[error(transparent)]
    Unreadable(#[from] BlockError),
    /// It is another one.
    #[error(
        "the value has {found} readings at revision {revision}, its header {count} at {of_header}"
    )]
    OfAnotherHeader {
        /// Its members.
        found: usize,
        /// Its revision.
        revision: u32,
        /// The members that the header tells of.
        count: u64,
        /// The revision of the header.
        of_header: u32,
    },
    /// It has as many members as the header tells of, and not these.
    #[error("the value has other readings than its header")]
    OtherMembers,
}

/// The packed members of a day.
#[derive(Debug)]
pub enum PackedPart {
    /// Those that the header tells of.
    Members(PackedMembers),
    /// The day was changed since its header was read.
    Changed,
    /// The value is damaged.
    Damaged(DamagedValue),
}

impl PackedMembers {
    /// Reads the value of a day. Of its members the number is compared with the header: the value has a checksum of its own.
    ///
    /// # Errors
    /// When it is damaged, or of another revision of the day.
    pub(in crate::store) fn of_day(
        header: &DayHeader,
        value: Option<&[u8]>,
    ) -> Result<Self, DamagedValue> {
        let (revision, members) = Self::from_block(value.ok_or(DamagedValue::Missing)?)?;
        if revision == header.revision && members.len() as u64 == header.packed.count {
            return Ok(members);
        }
        Err(DamagedValue::OfAnotherHeader {
            found: members.len(),
            revision,
            count: header.packed.count,
            of_header: header.revision,
        })
    }
}

impl PackedDays {
    /// The packed members of a day that this header tells of, by number and checksum.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn part(
        &self,
        site: &SiteId,
        day: Day,
        header: &DayHeader,
    ) -> StoreResult<PackedPart> {
        if header.packed.count == 0 {
            return Ok(PackedPart::Members(PackedMembers::default()));
        }
        let mut command = cmd(HMGET);
        command.arg(keys::packed(site)).arg(day.number());
        let values = reply::array(self.connection().send(HMGET, &command).await?);
        let value = values.and_then(|mut values| values.pop()).and_then(reply::bytes);
        let damage = match PackedMembers::of_day(header, value.as_deref()) {
            Ok(members) if members.are(&header.packed) => return Ok(PackedPart::Members(members)),
            Ok(_) => DamagedValue::OtherMembers,
            Err(damage) => damage,
        };
        let is_same = self.header(site, day).await?.as_ref() == Some(header);
        Ok(if is_same { PackedPart::Damaged(damage) } else { PackedPart::Changed })
    }

    /// As [`PackedDays::part`]; `None` where the day was changed.
    ///
    /// # Errors
    /// When the server replied with an error or not at all, or the value is damaged.
    pub(in crate::store) async fn members_of(
        &self,
        site: &SiteId,
        day: Day,
        header: &DayHeader,
    ) -> StoreResult<Option<PackedMembers>> {
        match self.part(site, day, header).await? {
            PackedPart::Members(members) => Ok(Some(members)),
            PackedPart::Changed => Ok(None),
            PackedPart::Damaged(damage) => {
                let text = format!("the packed day {day} of site {site}: {damage}");
                Err(self.connection().found(HMGET, ErrorClass::Other, text))
            }
        }
    }
}
