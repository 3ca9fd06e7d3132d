//! What the names of columns say, where neither the command nor a profile does.

use super::names::plain;
use crate::shape::unit::{Measure, Unit};
use crate::shape::{Columns, Times};
use crate::time::zone::Zone;

/// Names of the time of a row, in several languages.
const TIMESTAMP: [&str; 18] = [
    "timestamp",
    "datetime",
    "date time",
    "date/time",
    "date & time",
    "date and time",
    "time stamp",
    "last_changed",
    "last_updated",
    "zeitstempel",
    "zeitpunkt",
    "datum und uhrzeit",
    "datum/zeit",
    "horodate",
    "fecha y hora",
    "data e hora",
    "_time",
    "time_utc",
];
const DATE: [&str; 7] = ["date", "datum", "fecha", "data", "read date", "day", "tag"];
const TIME: [&str; 8] = ["time", "zeit", "uhrzeit", "hora", "heure", "ora", "tijd", "hour"];
const START: [&str; 12] = [
    "start",
    "from",
    "von",
    "begin",
    "start time",
    "starttime",
    "start date",
    "interval start",
    "interval_start",
    "period start",
    "desde",
    "de",
];
const END: [&str; 12] = [
    "end",
    "to",
    "bis",
    "until",
    "end time",
    "endtime",
    "end date",
    "interval end",
    "interval_end",
    "period end",
    "hasta",
    "fin",
];
const DEVICE: [&str; 9] = [
    "device",
    "device_id",
    "entity_id",
    "meter",
    "meter id",
    "meter_id",
    "meter number",
    "meternumber",
    "sensor",
];
const SITE: [&str; 4] = ["site", "site_id", "house", "house_id"];
const UNIT: [&str; 5] = ["unit", "units", "uom", "einheit", "unit_of_measurement"];

/// Names of power or energy without a unit.
const VALUE: [&str; 17] = [
    "power",
    "power_reading",
    "energy",
    "consumption",
    "usage",
    "value",
    "reading",
    "verbrauch",
    "wert",
    "leistung",
    "energie",
    "valeur",
    "consumo",
    "state",
    "consommation",
    "kwh",
    "watts",
];

/// Parts of names that say that energy is fed in.
const EXPORT: [&str; 11] = [
    "export",
    "returned",
    "feed-in",
    "feed in",
    "einspeis",
    "injection",
    "injeção",
    "injectie",
    "solar to grid",
    "to grid",
    "vertida",
];

/// A column of values by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The name.
    pub name: String,
    /// The unit in it.
    pub unit: Option<Unit>,
    /// Whether it is energy that is fed in.
    pub is_export: bool,
}

/// The columns of times, devices and sites by their names.
#[must_use]
pub fn columns(names: &[String]) -> Columns {
    let find = |known: &[&str]| {
        names.iter().find(|name| known.contains(&without_addition(name).as_str())).cloned()
    };
    let mut columns = Columns {
        device: find(&DEVICE),
        site: find(&SITE),
        unit: find(&UNIT),
        ..Columns::default()
    };
    let (start, end) = (find(&START), find(&END));
    let (date, time) = (find(&DATE), find(&TIME));
    columns.timestamp = find(&TIMESTAMP);
    if columns.timestamp.is_some() {
        return columns;
    }
    match (start, end, date, time) {
        (Some(start), Some(end), None, _) => {
            (columns.start, columns.end) = (Some(start), Some(end));
        }
        (_, _, Some(date), Some(time))
        | (Some(time), _, Some(date), None)
        | (None, Some(time), Some(date), None) => {
            (columns.date, columns.time) = (Some(date), Some(time));
        }
        (Some(start), None, None, None) => columns.start = Some(start),
        (None, Some(end), None, None) => columns.end = Some(end),
        (_, _, date, time) => columns.timestamp = date.or(time),
    }
    columns
}

/// Which end of an interval the name of a column of times denotes.
#[must_use]
pub fn labels(name: &str) -> Option<Times> {
    let name = without_addition(name);
    if START.contains(&name.as_str()) {
        return Some(Times::Start);
    }
    END.contains(&name.as_str()).then_some(Times::End)
}

/// The columns of values: those with a unit of power or energy, else those whose name is that of a value.
#[must_use]
pub fn candidates(names: &[String]) -> Vec<Candidate> {
    let all = names.iter().map(|name| {
        let plain = plain(name);
        let is_export = EXPORT.iter().any(|part| plain.contains(part));
        Candidate { name: name.clone(), unit: unit(name), is_export }
    });
    let all: Vec<_> = all.collect();
    if all.iter().any(|candidate| candidate.unit.is_some()) {
        return all.into_iter().filter(|candidate| candidate.unit.is_some()).collect();
    }
    all.into_iter().filter(|candidate| VALUE.contains(&plain(&candidate.name).as_str())).collect()
}

/// The unit in a name: `Usage (kWh)`, `Energy [Wh]`, `power_w`, `Consumption kWh`.
#[must_use]
pub fn unit(name: &str) -> Option<Unit> {
    let words = name.split(|sign: char| !sign.is_alphanumeric() && sign != '/');
    let mut units = words.filter_map(|word| word.parse().ok());
    units.next_back()
}

/// What a unit says without more: power; energy may be of an interval or of a counter.
#[must_use]
pub fn measure(unit: Unit) -> Option<Measure> {
    (!unit.is_energy()).then_some(Measure::Power)
}

/// The zone in a name: `Time Bucket (America/Chicago)`.
#[must_use]
pub fn zone(name: &str) -> Option<Zone> {
    let (_, rest) = name.split_once('(')?;
    let (zone, _) = rest.split_once(')')?;
    zone.parse().ok().filter(|_| zone.contains('/'))
}

/// Whether a name says that times are in UTC.
#[must_use]
pub fn is_utc(name: &str) -> bool {
    name.split(|sign: char| !sign.is_alphanumeric())
        .any(|word| matches!(word, "UTC" | "utc" | "GMT"))
}

/// A name without a unit or a zone behind it: `Start (UTC)`, `Date/time UTC`.
fn without_addition(name: &str) -> String {
    let name = plain(name);
    let name = name.split(['(', '[']).next().unwrap_or_default().trim();
    name.strip_suffix(" utc").or_else(|| name.strip_suffix(" gmt")).unwrap_or(name).to_owned()
}
