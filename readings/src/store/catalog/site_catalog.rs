//! The questions about sites and their devices.

use std::ops::Bound;
use std::time::Duration;

use super::directories::Directories;
use super::overview_reader;
use super::overviews::SiteOverview;
use super::plausible::Plausible;
use super::site_devices::{DevicesReader, SiteDevices};
use super::tiers::{self, Tiers};
use crate::reading::SiteId;
use crate::store::connection::SharedConnection;
use crate::store::error::StoreResult;
use crate::store::keys::Keys;
use crate::store::series::{SeriesStore, SiteIndex};

/// What is known of sites, over a connection that others may share. Clones share the directories.
#[derive(Debug, Clone)]
pub struct SiteCatalog {
    index: SiteIndex,
    series: SeriesStore,
    directories: Directories,
}

impl SiteCatalog {
    /// The sites of the server that the connection leads to.
    #[must_use]
    pub fn new(keys: &Keys, connection: SharedConnection) -> Self {
        Self::reading_from(keys, SeriesStore::new(connection.clone()), connection)
    }

    /// As [`SiteCatalog::new`], with readings of another connection, which may lead to a replica; rollups are stored over
    /// that to the primary.
    #[must_use]
    pub fn reading_from(keys: &Keys, series: SeriesStore, primary: SharedConnection) -> Self {
        let connection = series.connection().clone();
        Self {
            index: SiteIndex::new(keys, connection),
            directories: Directories::new(series.clone(), primary),
            series,
        }
    }

    /// Up to `limit` indexed sites that begin with `prefix`, in the order of their bytes, from `start` on.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn list(
        &self,
        start: Bound<&str>,
        prefix: &str,
        limit: usize,
    ) -> StoreResult<Vec<SiteId>> {
        self.index.list(start, prefix, limit).await
    }

    /// What the tiers of all sites have, from a sample of a bounded number of them; `None` without the permission
    /// to choose some.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn tiers(&self) -> StoreResult<Option<Tiers>> {
        tiers::sample(self.series.connection(), &self.index).await
    }

    /// The overviews of sites, in their order.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn overviews(
        &self,
        sites: &[SiteId],
        plausible: Plausible,
    ) -> StoreResult<Vec<SiteOverview>> {
        overview_reader::read(&self.series, sites, plausible).await
    }

    /// The overview of one site; `None` for one that is not indexed and has no readings.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn overview(
        &self,
        site: &SiteId,
        plausible: Plausible,
    ) -> StoreResult<Option<SiteOverview>> {
        let overviews = self.overviews(std::slice::from_ref(site), plausible).await?;
        let overview = overviews.into_iter().next().unwrap_or_default();
        let is_known = !overview.is_empty() || self.index.contains(site).await?;
        Ok(is_known.then_some(overview))
    }

    /// The devices of a site, those that are wanted with their last readings; `None` for a site that is not indexed and
    /// has no readings. What is not known of the devices is read in the background, for which this waits up to a time.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn devices(
        &self,
        site: &SiteId,
        plausible: Plausible,
        wait: Duration,
        is_wanted: impl Fn(&str) -> bool,
    ) -> StoreResult<Option<SiteDevices>> {
        let reader =
            DevicesReader { series: &self.series, directories: &self.directories, site, plausible };
        match reader.read(wait, is_wanted).await? {
            Some(devices) => Ok(Some(devices)),
            None if self.index.contains(site).await? => {
                Ok(Some(SiteDevices { is_complete: true, ..SiteDevices::default() }))
            }
            None => Ok(None),
        }
    }
}
