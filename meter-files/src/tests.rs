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

/// The column of energy by its name: short files do not show that it is no counter.
const ENERGY: &str = "columns.start = 'Start'\nvalues = [{ column = 'kWh', quantity = 'energy' }]";

fn energy(shape: &str) -> Options {
    shaped(&format!("{shape}\n{ENERGY}"))
}

fn shaped(shape: &str) -> Options {
    Options { shape: toml::from_str(shape).unwrap(), ..of_site() }
}

fn error(text: &'static str, shape: &str) -> String {
    let opened = open(Cursor::new(text.as_bytes()), shaped(shape));
    opened.err().expect("an unclear file").to_string()
}

/// Rows that cannot be read, by line.
fn invalid(text: &'static str, shape: &str) -> Vec<(u64, String)> {
    let mut file = open(Cursor::new(text.as_bytes()), energy(shape)).unwrap();
    let mut rows = Vec::new();
    while let Some(item) = file.readings.next_item().unwrap() {
        if let Item::Invalid { line, error, .. } = item {
            rows.push((line, error.to_string()));
        }
    }
    rows
}

/// Device, hour and minute in UTC, and W.
fn shown(readings: &[Reading]) -> Vec<String> {
    let text = |reading: &Reading| {
        let Reading { device, at, watts, .. } = reading;
        format!("{device} {} {watts}", at.format("%d %H:%M:%S%.f"))
    };
    readings.iter().map(text).collect()
}

#[test]
fn what_a_file_does_not_say_is_an_error_that_names_the_option() {
    const STARTS: &str = "times = 'start'\nzone = 'UTC'\n";
    for (text, shape, option) in [
        (
            "Start,kWh\n2024-03-30 00:00,1\n2024-03-30 00:30,2\n2024-03-30 01:00,1\n2024-03-30 01:30,2\n2024-03-30 02:00,1\n",
            "",
            "--tz",
        ),
        (
            "Timestamp,kWh\n2024-03-30 00:00,1\n2024-03-30 00:30,2\n2024-03-30 01:00,1\n2024-03-30 01:30,2\n2024-03-30 02:00,1\n",
            "zone = 'UTC'",
            "--times",
        ),
        ("Timestamp,Value\n2024-03-30T00:00Z,1\n2024-03-30T00:30Z,2\n", "", "--unit"),
        (
            "Start,kWh\n03/04/2024 00:00,1\n03/04/2024 00:30,2\n03/04/2024 01:00,1\n",
            STARTS,
            "--time-format",
        ),
        ("Start;kWh\n30/04/2024 00:00;1,234\n30/04/2024 00:30;2,345\n", STARTS, "--decimal"),
        ("Start,kWh\n2024-03-30 00:00,1\n", STARTS, "--interval"),
        ("Start,A kWh,B kWh\n2024-03-30 00:00,1,2\n2024-03-30 00:30,2,3\n", STARTS, "--map"),
        ("When,kWh\n2024-03-30 00:00,1\n2024-03-30 00:30,2\n", STARTS, "--map"),
        (
            "Start,kWh\n2024-03-30 00:00,1\n2024-03-30 00:30,2\n2024-03-30 01:00,3\n2024-03-30 01:30,4\n2024-03-30 02:00,5\n2024-03-30 02:30,6\n",
            STARTS,
            "counter=",
        ),
    ] {
        let error = error(text, shape);
        assert!(error.contains(option), "{option} for {text}: {error}");
    }
    let without_site =
        open(Cursor::new(b"Timestamp,W\n2024-03-30T00:00Z,1\n".as_slice()), Options::default());
    assert!(without_site.err().expect("no site").to_string().contains("--site"));
}

#[test]
fn lines_before_the_header_a_mark_a_second_header_and_a_footer_are_no_rows() {
    let text = "\u{feff}sep=;\nCustomer;Sample\nMeter;12345\n\nFROM;Usage (kWh)\n[dd.MM.yyyy HH:mm];[kWh]\n\
                30.03.2024 00:00;1.234,5\n30.03.2024 00:30;0,5\nTotal;1.235,0\n";
    let (readings, report) = import(
        text,
        shaped(
            "zone = 'UTC'\ncolumns.start = 'from'\nvalues = [{ column = 'usage (kwh)', quantity = 'energy' }]",
        ),
    );
    assert_eq!(
        shown(&readings),
        ["meter 30 00:00:00 2469000", "meter 30 00:30:00 1000", "meter 30 00:59:59.999999 1000"]
    );
    assert_eq!(report.ignored_lines, 2);
}

#[test]
fn values_that_are_not_known_are_counted_and_never_0() {
    let text = "timestamp,W\n2024-03-30T00:00Z,?\n2024-03-30T00:01Z,null\n2024-03-30T00:02Z,unavailable\n2024-03-30T00:03Z,\n2024-03-30T00:04Z,0\n";
    let (readings, report) = import(text, of_site());
    assert_eq!(shown(&readings), ["meter 30 00:04:00 0"]);
    assert_eq!(report.missing_values, 4);
}

#[test]
fn a_missing_interval_ends_a_run_with_a_reading_a_microsecond_before_it() {
    let text = "Start,kWh\n2024-03-30T00:00Z,1\n2024-03-30T00:30Z,3\n2024-03-30T01:00Z,\n2024-03-30T01:30Z,2\n2024-03-30T02:00Z,1\n";
    let (readings, report) = import(text, of_site());
    assert_eq!(
        shown(&readings),
        [
            "meter 30 00:00:00 2000",
            "meter 30 00:30:00 6000",
            "meter 30 01:30:00 4000",
            "meter 30 00:59:59.999999 6000",
            "meter 30 02:00:00 2000",
            "meter 30 02:29:59.999999 2000"
        ]
    );
    assert_eq!((report.missing_intervals, report.missing_values, report.closing), (1, 1, 2));
    assert!((report.kilowatt_hours() - 7.0).abs() < 1e-12);
    assert!(report.remarks().iter().any(|remark| remark.ends_with("max_gap=30m")), "{report:?}");
}

#[test]
fn a_file_with_the_newest_time_first_has_one_closing_reading_too() {
    let text = "Start,kWh\n2024-03-30T01:00Z,1\n2024-03-30T00:30Z,3\n2024-03-30T00:00Z,2\n";
    let (readings, report) = import(text, energy(""));
    assert_eq!((readings.len(), report.closing, report.missing_intervals), (4, 1, 0));
    assert_eq!(shown(&readings)[3], "meter 30 01:29:59.999999 2000");
}

#[test]
fn times_that_denote_ends_are_set_back_and_24_00_is_the_end_of_the_day() {
    let text = "End,kWh\n2024-03-30 23:30,1\n2024-03-30 24:00,2\n2024-03-31 00:30,1\n";
    let (readings, _) = import(
        text,
        shaped(&format!(
            "zone = 'UTC'\n{}",
            ENERGY.replace("columns.start = 'Start'", "columns.end = 'End'")
        )),
    );
    assert_eq!(
        shown(&readings)[..3],
        ["meter 30 23:00:00 2000", "meter 30 23:30:00 4000", "meter 31 00:00:00 2000"]
    );
}

#[test]
fn a_missing_local_hour_is_rejected_with_its_line_and_a_repeated_one_is_read_in_order() {
    let shape = "zone = 'Europe/Berlin'\ninterval = '1h'";
    let forward = "Start,kWh\n2024-03-31 01:00,1\n2024-03-31 02:00,2\n2024-03-31 03:00,1\n";
    let rejected = invalid(forward, shape);
    assert_eq!(rejected.len(), 1);
    assert!(
        rejected[0].0 == 3 && rejected[0].1.contains("does not exist in Europe/Berlin"),
        "{rejected:?}"
    );
    let back = "Start,kWh\n2024-10-27 01:00,1\n2024-10-27 02:00,2\n2024-10-27 02:00,3\n2024-10-27 03:00,1\n";
    let (readings, report) = import(back, energy(shape));
    assert_eq!(
        shown(&readings)[1..4],
        ["meter 27 00:00:00 2000", "meter 27 01:00:00 3000", "meter 27 02:00:00 1000"]
    );
    assert_eq!(report.closing, 1);
}

#[test]
fn a_counter_is_the_mean_power_between_two_states_and_a_negative_step_is_a_reset() {
    let shape = "max_power = 60000.0\nvalues = [{ column = 'kWh', quantity = 'counter' }]\ncolumns.timestamp = 'timestamp'";
    let text = "timestamp,kWh\n2024-03-30T00:00Z,100\n2024-03-30T01:00Z,102\n2024-03-30T02:00Z,1\n2024-03-30T03:00Z,2\n2024-03-30T04:00Z,500\n";
    let (readings, report) = import(text, shaped(shape));
    assert_eq!(
        shown(&readings),
        [
            "meter 30 00:00:00 2000",
            "meter 30 02:00:00 1000",
            "meter 30 00:59:59.999999 2000",
            "meter 30 02:59:59.999999 1000"
        ]
    );
    assert_eq!((report.counter_resets, report.implausible_steps), (1, 1));
    assert!((report.kilowatt_hours() - 3.0).abs() < 1e-12);
}

#[test]
fn energy_that_is_fed_in_is_a_device_of_its_own() {
    let text =
        "Start,Consumption (kWh),Export (kWh)\n2024-03-30T00:00Z,1,0\n2024-03-30T01:00Z,0,2\n";
    let shape = "columns.start = 'Start'\nvalues = [{ column = 'Consumption (kWh)', quantity = 'energy' }, { column = 'Export (kWh)', quantity = 'energy', channel = '-export' }]";
    let (readings, report) =
        import(text, Options { device: Some("main".to_owned()), ..shaped(shape) });
    let exported: Vec<_> = shown(&readings)
        .into_iter()
        .filter(|reading| reading.starts_with("main-export "))
        .collect();
    assert_eq!(exported[1], "main-export 30 01:00:00 2000");
    assert_eq!((report.watt_hours["main"], report.watt_hours["main-export"]), (1000.0, 2000.0));
}

#[test]
fn of_two_rows_of_an_instant_both_are_sent_and_the_last_one_counts() {
    let text = "Start,kWh\n2024-03-30T00:00Z,1\n2024-03-30T00:30Z,2\n2024-03-30T00:00Z,5\n2024-03-30T00:30Z,6\n2024-03-30T01:00Z,1\n";
    let (readings, report) = import(text, energy(""));
    assert_eq!((readings.len(), report.repeated, report.closing), (6, 2, 1));
    assert!((report.kilowatt_hours() - 12.0).abs() < 1e-12);
    assert!(
        report.remarks().iter().any(|remark| remark.starts_with("2 values have the instant")),
        "{report:?}"
    );
}

#[test]
fn columns_are_chosen_by_position_where_there_is_no_header() {
    let map: crate::shape::column_map::ColumnMap =
        "timestamp=#2,power=#3,device=#1".parse().unwrap();
    let shape = crate::shape::Shape {
        columns: map.columns,
        values: map.values,
        unit: "kW".parse().ok(),
        ..Default::default()
    };
    let text = "a|1711756800000|1.5\nb|1711756801000|2.5\n";
    let (readings, _) = import(text, Options { shape, ..of_site() });
    assert_eq!(shown(&readings), ["a 30 00:00:00 1500", "b 30 00:00:01 2500"]);
}

#[test]
fn two_devices_are_not_one_by_an_option() {
    let text = "timestamp,W,device\n2024-03-30T00:00Z,1,a\n2024-03-30T00:00Z,2,b\n";
    let mut file =
        open(Cursor::new(text.as_bytes()), Options { device: Some("x".to_owned()), ..of_site() })
            .unwrap();
    assert!(matches!(file.readings.next_item(), Ok(Some(Item::Reading(_)))));
    let Ok(Some(Item::Invalid { line: 3, error, .. })) = file.readings.next_item() else {
        panic!("a second device")
    };
    assert!(error.to_string().contains("leave --device out"), "{error}");
}

#[test]
fn a_header_without_rows_is_named_as_such() {
    let error =
        open(Cursor::new("Consumption (kWh), Start, End\n"), of_site()).err().expect("an error");
    assert_eq!(error.to_string(), "the file has a header and no rows");
}
