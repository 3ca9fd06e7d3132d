//! Questions are computed a few at the same time: each holds its buckets in memory until they are sent.

use std::time::Duration;

use poem::Request;
use readings::SiteId;
use readings::energy::integration::TooManyFilled;
use readings::store::rollups::{AggregateError, RollupStore};

use super::aggregates_body::SiteAggregates;
use super::aggregates_payload::AggregatesPayload;
use super::energy_body::SiteEnergy;
use super::parameters::IntervalName;
use super::question::{Wanted, WantedBuckets};
use super::series::series;
use crate::client_slots::{Client, ClientSlot, ClientSlots, SlotLimits};
use crate::error_body::ValidationErrorItem;
use crate::parameter::{Parameter, ParameterError};
use crate::query::unavailable::{failed, too_many_large_responses};
use crate::store_failure::ServiceUnavailable;

/// In total: too low and questions wait although Redis has time; too high and their buckets, 32 MB each at most, fill the
/// memory. Per client: too low and the requests of one page wait for each other; too high and one client keeps all others
/// waiting.
const LIMITS: SlotLimits = SlotLimits { total: 8, per_client: 6 };

/// How long a request waits for a slot. Too low and it fails although one is about to be released; too high and it waits
/// in vain.
const SLOT_TIMEOUT: Duration = Duration::from_secs(10);

/// Computes questions.
#[derive(Debug)]
pub(super) struct Computation {
    rollups: RollupStore,
    slots: ClientSlots,
}

/// A question without an answer.
pub(super) enum ComputeError {
    /// The parameters ask for too much.
    Invalid(Box<ValidationErrorItem>),
    /// Redis failed, or no slot is free.
    Unavailable(ServiceUnavailable),
}

impl Computation {
    /// Computes from these rollups.
    pub fn new(rollups: RollupStore) -> Self {
        Self { rollups, slots: ClientSlots::new(LIMITS) }
    }

    /// The buckets of a site.
    ///
    /// # Errors
    /// When there are too many of them, Redis does not reply, or no slot is free.
    pub async fn aggregates(
        &self,
        site: SiteId,
        wanted: WantedBuckets,
        request: &Request,
    ) -> Result<AggregatesPayload, ComputeError> {
        let slot = self.slot(request).await?;
        let found = self.rollups.aggregate(&site, &wanted.wanted.question).await?;
        let head = SiteAggregates::without_series(site.as_str(), &wanted);
        let series = series(found, &wanted)?;
        Ok(AggregatesPayload::new(&head, series, wanted.wanted.zone, slot))
    }

    /// The energy of a site.
    ///
    /// # Errors
    /// When Redis does not reply, or no slot is free.
    pub async fn energy(
        &self,
        site: &SiteId,
        wanted: Wanted,
        request: &Request,
    ) -> Result<SiteEnergy, ComputeError> {
        let _slot = self.slot(request).await?;
        let found = self.rollups.aggregate(site, &wanted.question).await?;
        Ok(SiteEnergy::new(site.as_str(), &wanted, found))
    }

    async fn slot(&self, request: &Request) -> Result<ClientSlot, ComputeError> {
        let slot = self.slots.acquire(&Client::of(request), SLOT_TIMEOUT).await;
        slot.ok_or_else(|| ComputeError::Unavailable(too_many_large_responses()))
    }
}

impl From<AggregateError> for ComputeError {
    fn from(error: AggregateError) -> Self {
        match error {
            AggregateError::Store(error) => Self::Unavailable(failed(&error)),
            AggregateError::TooMany(error) => error.into(),
        }
    }
}

impl From<TooManyFilled> for ComputeError {
    fn from(error: TooManyFilled) -> Self {
        let error = ParameterError::value_error(&error.to_string());
        Self::Invalid(error.at(IntervalName::LOCATION, None).into())
    }
}
