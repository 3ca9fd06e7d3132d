//! Arguments that say what is in a file of another program.

use std::str::FromStr;

use clap::Args;
use meter_files::Options;
use meter_files::profile::ProfileChoice;
use meter_files::shape::column_map::ColumnMap;
use meter_files::shape::duration::Interval;
use meter_files::shape::unit::Unit;
use meter_files::shape::{Decimal, Shape, Times};
use meter_files::time::format::TimeFormat;
use meter_files::time::zone::Zone;

/// What is in a file of another program. With any of these, the file is read as an export of a meter or a utility.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Exports of meters, inverters and utilities")]
pub struct ShapeArguments {
    /// Site of all readings. With it a file of any shape is read: tables, JSON, NEM12, Green Button, also in a zip
    /// archive. What is unclear is never guessed: an error names the option that decides it
    #[arg(long, value_name = "SITE")]
    pub(crate) site: Option<String>,
    /// Device of all readings, instead of the file's; `meter` if neither names one. Energy that is fed in is the device
    /// with `-export` behind its name
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<String>,
    /// Zone of times without an offset, such as `Europe/Berlin`, `UTC` or `+01:00`
    #[arg(long, value_name = "ZONE", value_parser = checked::<Zone>)]
    pub(crate) tz: Option<String>,
    /// Profile of the file: `auto` recognises it, or the name of one (`--list-profiles`), or the path of a TOML file
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Columns by their meaning: `timestamp=`, or `date=` and `time=`, or `start=` and `end=`; `power=`, `energy=` or
    /// `counter=`; `export=`, `device=`, `site=`, `unit=`. By name, or by position as `#3`
    #[arg(long, value_name = "NAME=COLUMN,…", value_parser = checked::<ColumnMap>)]
    pub(crate) map: Option<String>,
    /// Unit of the values: `W`, `kW`, `MW`, `Wh`, `kWh` or `MWh`
    #[arg(long, value_name = "UNIT")]
    pub(crate) unit: Option<Unit>,
    /// Length of the intervals that energies belong to, and of which powers are means, as `15m`, `1h` or `1d`
    #[arg(long, value_name = "TIME")]
    pub(crate) interval: Option<Interval>,
    /// Which end of an interval a time denotes
    #[arg(long, value_name = "END", value_parser = ["start", "end"])]
    pub(crate) times: Option<String>,
    /// How times are written: `dmy`, `mdy`, `ymd`, `epoch`, or a format of `strftime`
    #[arg(long, value_name = "FORMAT", value_parser = checked_time_format)]
    pub(crate) time_format: Option<String>,
    /// Separator of columns: one character, or `tab`
    #[arg(long, value_name = "CHARACTER", value_parser = checked_delimiter)]
    pub(crate) delimiter: Option<String>,
    /// Decimal sign of numbers: `.` or `,`
    #[arg(long, value_name = "SIGN", value_parser = [".", ","])]
    pub(crate) decimal: Option<String>,
    /// Number of lines before the header
    #[arg(long, value_name = "LINES")]
    pub(crate) skip_lines: Option<u64>,
    /// A step of a counter above this power, in W, is skipped. Lower: real peaks are skipped. Higher: a meter that was
    /// replaced counts as consumption
    #[arg(long, value_name = "W", value_parser = power)]
    pub(crate) max_power: Option<f64>,
    /// Print what was understood and the first readings as they would be sent, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the names of all profiles, and do nothing else
    #[arg(long)]
    pub(crate) list_profiles: bool,
}

impl ShapeArguments {
    /// Whether one of the options is given that say what is in the file.
    pub fn is_given(&self) -> bool {
        !self.words().is_empty()
    }

    /// The options that say what is in the file, each with its value.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let shown = |value: Option<&dyn ToString>| value.map(ToString::to_string);
        let options = [
            ("--site", self.site.clone()),
            ("--device", self.device.clone()),
            ("--tz", self.tz.clone()),
            ("--profile", self.profile.clone()),
            ("--map", self.map.clone()),
            ("--unit", shown(self.unit.as_ref().map(|unit| unit as _))),
            ("--interval", shown(self.interval.as_ref().map(|interval| interval as _))),
            ("--times", self.times.clone()),
            ("--time-format", self.time_format.clone()),
            ("--delimiter", self.delimiter.clone()),
            ("--decimal", self.decimal.clone()),
            ("--skip-lines", shown(self.skip_lines.as_ref().map(|lines| lines as _))),
            ("--max-power", shown(self.max_power.as_ref().map(|power| power as _))),
        ];
        options.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The same, for the crate that reads the file.
    pub fn options(&self) -> Options {
        let map =
            self.map.as_deref().and_then(|text| text.parse::<ColumnMap>().ok()).unwrap_or_default();
        let shape = Shape {
            delimiter: self.delimiter.as_deref().and_then(delimiter),
            skip_lines: self.skip_lines,
            decimal: self
                .decimal
                .as_deref()
                .map(|sign| if sign == "," { Decimal::Comma } else { Decimal::Point }),
            time_format: self.time_format.clone(),
            zone: self.tz.clone(),
            interval: self.interval,
            times: self
                .times
                .as_deref()
                .map(|end| if end == "end" { Times::End } else { Times::Start }),
            unit: self.unit,
            max_power: self.max_power,
            columns: map.columns,
            values: map.values,
            ..Shape::default()
        };
        let profile = self.profile.as_deref().map_or(ProfileChoice::Auto, ProfileChoice::of);
        Options { site: self.site.clone(), device: self.device.clone(), profile, shape }
    }
}

/// The text, if it is a value of this type: the command that continues an import has it as it was written.
fn checked<T: FromStr<Err = String>>(text: &str) -> Result<String, String> {
    text.parse::<T>().map(|_| text.to_owned())
}

fn checked_time_format(text: &str) -> Result<String, String> {
    TimeFormat::named(text).map(|_| text.to_owned())
}

fn checked_delimiter(text: &str) -> Result<String, String> {
    delimiter(text)
        .map(|_| text.to_owned())
        .ok_or_else(|| "must be one ASCII character, or `tab`".to_owned())
}

fn delimiter(text: &str) -> Option<char> {
    if matches!(text, "tab" | "\\t") {
        return Some('\t');
    }
    let mut characters = text.chars();
    let one = characters
        .next()
        .filter(|sign| sign.is_ascii() && !sign.is_ascii_alphanumeric() && *sign != '"');
    one.filter(|_| characters.next().is_none())
}

fn power(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "must be a number above 0, in W".to_owned())
}
