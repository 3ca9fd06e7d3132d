//! Which series are readings: their metrics, and the labels with their sites and devices.

use std::collections::HashMap;
use std::str::FromStr;

use super::wire::{Malformed, Series};
use crate::ingestion::line_protocol::unit::{Unit, UnitError};

/// The label that has the name of the metric.
const NAME: &str = "__name__";

/// Why a series of a metric that is not listed is no reading.
const NOT_LISTED: &str = "the metric is not in REMOTE_WRITE_METRICS";

/// Why a series of a listed metric is no reading.
const NO_SITE: &str = "no label REMOTE_WRITE_SITE_LABEL, and REMOTE_WRITE_SITE is not set";
const NO_DEVICE: &str = "none of the labels REMOTE_WRITE_DEVICE_LABELS";

/// How series become readings.
#[derive(Debug, Clone, Default)]
pub struct RemoteWriteMapping {
    units: HashMap<String, Unit>,
    /// The label whose value is the site.
    site_label: String,
    /// The site of series without that label.
    default_site: Option<String>,
    /// The labels whose values are the device; the first one that a series has counts.
    device_labels: Vec<String>,
}

/// A metric that is power, and its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerMetric {
    name: String,
    unit: Unit,
}

/// Why a text is no metric with a unit of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PowerMetricError {
    /// There is no `=`, or nothing on one side of it.
    #[error("each item must be a metric and its unit, such as plug_power_watts=W")]
    Form,
    /// What is behind it is no unit of power.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

impl FromStr for PowerMetric {
    type Err = PowerMetricError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, unit) = text.rsplit_once('=').ok_or(PowerMetricError::Form)?;
        let (name, unit) = (name.trim(), unit.trim());
        if name.is_empty() || unit.is_empty() {
            return Err(PowerMetricError::Form);
        }
        Ok(Self { name: name.to_owned(), unit: unit.parse()? })
    }
}

/// Whose power the samples of a series are, or why they are no readings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Target<'a> {
    Reading(Source<'a>),
    Unmapped { metric: &'a str, reason: &'static str },
}

/// A series of power.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Source<'a> {
    pub metric: &'a str,
    pub site: &'a str,
    pub device: &'a str,
    pub unit: Unit,
}

impl RemoteWriteMapping {
    /// The mapping of these metrics: to the site that `site_label` names, or else `default_site`, and the device that the
    /// first of `device_labels` names that a series has.
    #[must_use]
    pub fn new(
        metrics: Vec<PowerMetric>,
        site_label: String,
        default_site: Option<String>,
        device_labels: Vec<String>,
    ) -> Self {
        let units = metrics.into_iter().map(|metric| (metric.name, metric.unit)).collect();
        Self { units, site_label, default_site, device_labels }
    }

    /// Whose power the samples of a series are.
    pub(super) fn target<'a>(&'a self, series: Series<'a>) -> Result<Target<'a>, Malformed> {
        let (mut metric, mut site) = ("", self.default_site.as_deref().unwrap_or_default());
        let mut device = (usize::MAX, "");
        for label in series.labels() {
            let (name, value) = label?;
            // As in Prometheus, a label without a value does not exist.
            if value.is_empty() {
                continue;
            }
            if name == NAME {
                metric = value;
            }
            if name == self.site_label {
                site = value;
            }
            let place = self.device_labels.iter().position(|label| label == name);
            device = place.map_or(device, |place| device.min((place, value)));
        }
        let unmapped = |reason| Ok(Target::Unmapped { metric, reason });
        match (self.units.get(metric), site, device.1) {
            (None, _, _) => unmapped(NOT_LISTED),
            (_, "", _) => unmapped(NO_SITE),
            (_, _, "") => unmapped(NO_DEVICE),
            (Some(&unit), site, device) => {
                Ok(Target::Reading(Source { metric, site, device, unit }))
            }
        }
    }
}

/// A series as Prometheus writes it: `plug_power_watts{site="house-01"}`.
pub(super) fn text_of(series: Series<'_>) -> String {
    let labels: Vec<_> = series.labels().flatten().collect();
    let name = labels.iter().find(|(name, _)| *name == NAME).map_or("", |(_, value)| *value);
    let others = labels.iter().filter(|(name, _)| *name != NAME);
    let others: Vec<_> = others.map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{name}{{{}}}", others.join(","))
}
