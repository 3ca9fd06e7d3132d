//! Which series of Prometheus remote write are readings.

use api::ingestion::remote_write::{PowerMetric, RemoteWriteMapping};
use clap::Args;

use super::list::List;

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "the flags are named after them")]
pub struct RemoteWriteSettings {
    /// Metrics of power that `POST /api/v1/write` accepts as readings, each with its unit (W or kW), as
    /// `plug_power_watts=W,inverter_power_kilowatts=kW`. Samples of other metrics are counted and not stored; if unset, of
    /// all. See docs/remote-write.md
    #[arg(long, env, value_name = "METRICS", value_parser = str::parse::<List<PowerMetric>>)]
    remote_write_metrics: Option<List<PowerMetric>>,
    /// The label of a series that names its site
    #[arg(long, env, value_name = "LABEL", default_value = "site")]
    remote_write_site_label: String,
    /// The site of series without the label `REMOTE_WRITE_SITE_LABEL`. If unset, their samples are not stored
    #[arg(long, env, value_name = "SITE")]
    remote_write_site: Option<String>,
    /// The labels of a series that name its device; the first one that a series has counts
    #[arg(long, env, value_name = "LABELS", default_value = "device,device_id,instance")]
    #[arg(value_parser = str::parse::<List<String>>)]
    remote_write_device_labels: List<String>,
}

impl RemoteWriteSettings {
    /// Which series are readings.
    pub fn mapping(&self) -> RemoteWriteMapping {
        RemoteWriteMapping::new(
            List::items(self.remote_write_metrics.as_ref()),
            self.remote_write_site_label.clone(),
            self.remote_write_site.clone(),
            List::items(Some(&self.remote_write_device_labels)),
        )
    }
}
