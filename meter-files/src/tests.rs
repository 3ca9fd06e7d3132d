use std::io::Cursor;

use crate::{Item, Options, Reading, open};

fn import(text: &'static str, options: Options) -> (Vec<Reading>, crate::report::Report) {
    let mut file = open(Cursor::new(text.as_bytes()), options).unwrap();
    let mut readings = Vec::new();
    while let Some(item) = file.readings.next_item().unwrap() {
        match item {
            Item::Reading(reading) => readings.push(reading),
            Item::Invalid { line, error, .. } => panic!("line {line}: {error}"),
        }
    }
    (readings, file.readings.report().clone())
}

fn of_site() -> Options {
    Options { site: Some("home".to_owned()), ..Options::default() }
}

#[test]
fn half_hours_of_energy_become_mean_power_and_one_closing_reading() {
    let (readings, report) = import(include_str!("../profiles/octopus/sample.csv"), of_site());
    assert_eq!((readings.len(), report.closing), (97, 1));
    assert!((report.kilowatt_hours() - 46.752).abs() < 1e-9, "{report:?}");
    assert!((readings[0].watts - 800.0).abs() < 1e-9);
    assert_eq!(readings[0].line, 2);
    assert_eq!(readings[0].at.to_rfc3339(), "2024-03-30T00:00:00+00:00");
    let closing = readings.last().unwrap();
    assert_eq!(closing.at.to_rfc3339(), "2024-03-31T23:59:59.999999+00:00");
    assert!((closing.watts - readings[95].watts).abs() < 1e-9);
}

#[test]
fn json_without_a_profile_is_recognised_by_its_first_character() {
    let text = r#"{"meter": "m", "data": [{"time": "2024-03-30T00:00:00Z", "power": 5}, {"time": "2024-03-30T00:01:00Z", "power": null}]}"#;
    let unit = Some("W".parse().unwrap());
    let options =
        Options { shape: crate::shape::Shape { unit, ..Default::default() }, ..of_site() };
    let (readings, report) = import(text, options);
    assert_eq!((readings.len(), readings[0].watts, report.missing_values), (1, 5.0, 1));
}
