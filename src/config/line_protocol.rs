//! How line protocol is mapped to readings.

use api::ingestion::line_protocol::{FieldRule, LineMapping};
use clap::Args;

use super::list::List;

/// Names that devices and agents give to power: of our own, Home Assistant (the measurement is the unit) and Shelly.
const FIELDS: &str = "power_reading=W,power=W,power_w=W,power_kw=kW,active_power=W,apower=W,act_power=W,\
                      value=W@W,value=kW@kW,value=W@power";

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "the flags are named after them")]
pub struct LineProtocolSettings {
    /// Fields of line protocol that are power, as `FIELD=UNIT`; `FIELD=UNIT@MEASUREMENT` in one measurement only,
    /// `FIELD=UNIT+SUFFIX` for devices with several powers in a line, which become `DEVICE.SUFFIX`. Units are `W`, `kW`,
    /// `MW` and `mW`, and `-W` changes the sign. Of the fields without a suffix the first in this list counts. Lines
    /// without a field of the list are ignored and counted
    #[arg(long, env, value_name = "FIELDS", default_value = FIELDS)]
    #[arg(value_parser = str::parse::<List<FieldRule>>)]
    line_protocol_fields: List<FieldRule>,
    /// Tags of line protocol of which the first that a line has is the site. Without one it is the bucket or database
    #[arg(long, env, value_name = "TAGS", default_value = "site_id,site")]
    #[arg(value_parser = str::parse::<List<String>>)]
    line_protocol_site_tags: List<String>,
    /// Tags of line protocol of which the first that a line has is the device. Without one it is the measurement
    #[arg(long, env, value_name = "TAGS", default_value = "device_id,device,entity_id,name,host")]
    #[arg(value_parser = str::parse::<List<String>>)]
    line_protocol_device_tags: List<String>,
}

impl LineProtocolSettings {
    /// The mapping of the lines.
    pub fn mapping(&self) -> LineMapping {
        LineMapping {
            site_tags: List::items(Some(&self.line_protocol_site_tags)),
            device_tags: List::items(Some(&self.line_protocol_device_tags)),
            fields: List::items(Some(&self.line_protocol_fields)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_that_are_mapped_by_default_are_valid() {
        assert_eq!(List::items(Some(&FIELDS.parse::<List<FieldRule>>().unwrap())).len(), 10);
    }
}
