//! Exports of meters: what is sent, again, and after an import that stopped.

use super::*;

const EXPORT: &str = "Start,kWh,\n2024-03-30T00:00Z,1\n2024-03-30T00:30Z,2\n2024-03-30T01:00Z,\n\
                      2024-03-30T01:30Z,1\n2024-03-30T02:00Z,2\n2024-03-30T02:30Z,1\n2024-03-30T03:00Z,2\n";

fn of_site(service: &FakeService, text: &str) -> Import {
    let mut import = Import::new(service, "export.csv", text);
    import.arguments.shape =
        ShapeArguments { site: Some("house".to_owned()), ..ShapeArguments::default() };
    import
}

fn sent(service: &FakeService) -> Vec<String> {
    let mut sent: Vec<String> = service.bodies();
    sent.sort_unstable();
    sent
}

#[tokio::test]
async fn energy_of_intervals_is_sent_as_power_each_with_its_key_and_the_same_again() {
    let service = FakeService::start(|_, _| Reply::accepted()).await;
    let (result, _) = of_site(&service, EXPORT).run().await;
    assert_eq!(numbers(result.summary.counts), [8, 0, 0, 0]);
    let report = result.report.clone().expect("a report");
    assert!((report.kilowatt_hours() - 9.0).abs() < 1e-9, "{report:?}");
    assert_eq!((report.missing_values, report.missing_intervals, report.closing), (1, 1, 2));
    let first = r#"{"site_id":"house","device_id":"meter","power_reading":2000.0,"timestamp":"2024-03-30T00:00:00Z"}"#;
    let closing = r#"{"site_id":"house","device_id":"meter","power_reading":4000.0,"timestamp":"2024-03-30T00:59:59.999999Z"}"#;
    let bodies = sent(&service);
    assert!(bodies[0] == first && bodies.contains(&closing.to_owned()), "{bodies:?}");
    let mut keys = service.keys();
    of_site(&service, EXPORT).run().await;
    let mut again = service.keys().split_off(keys.len());
    for keys in [&mut keys, &mut again] {
        keys.sort_unstable();
    }
    assert!(keys == again && keys.iter().all(Option::is_some));
}

#[tokio::test]
async fn an_export_that_stopped_goes_on_within_its_last_line() {
    let service = FakeService::start(|number, _| match number {
        0..3 => Reply::accepted(),
        _ => Reply::Respond(401, "", "{}".to_owned()),
    });
    let mut import = of_site(&service.await, EXPORT);
    import.arguments.concurrency = Some(1);
    let (result, _) = import.run().await;
    assert!(result.abort.is_aborted());
    let counts = result.summary.counts;
    let resumed = result.resume_line().expect("a line");
    // The closing reading of a line is sent after the reading of the next one.
    assert!(resumed <= counts.last_line, "{resumed} of {counts:?}");
    let command = result.resume_command.at_line(resumed);
    assert!(command.contains(" --site house "), "{command}");
}

#[tokio::test]
async fn an_unclear_export_is_not_sent_and_the_option_is_named() {
    let service = FakeService::start(|_, _| Reply::accepted()).await;
    let import = of_site(&service, &EXPORT.replace('Z', ""));
    let error =
        run_silently(import.arguments, &CancellationToken::new()).await.err().expect("unclear");
    assert!(format!("{error:#}").contains("choose it by --tz"), "{error:#}");
    let mut import = of_site(&service, EXPORT);
    import.arguments.no_idempotency_keys = true;
    let error =
        run_silently(import.arguments, &CancellationToken::new()).await.err().expect("no keys");
    assert!(error.to_string().contains("--no-idempotency-keys"), "{error}");
    assert_eq!(service.bodies(), Vec::<String>::new());
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_rejected_with_its_field_and_the_others_are_sent() {
    let service = FakeService::start(|_, _| Reply::accepted()).await;
    let mut import = of_site(&service, &EXPORT.replace("00:30Z,2", "00:30Z,two"));
    import.arguments.shape.map = Some("start=start,energy=KWH".to_owned());
    let (result, rejects) = import.run().await;
    assert_eq!(numbers(result.summary.counts), [7, 1, 0, 0]);
    assert_eq!(
        (&rejects[0]["line"], &rejects[0]["row"]),
        (&json!(3), &json!("2024-03-30T00:30Z,two"))
    );
    let reason = &rejects[0]["reasons"][0];
    assert!(reason["msg"].as_str().unwrap().starts_with("kWh: `two` is not a number"), "{reason}");
}

#[tokio::test]
async fn a_dry_run_sends_nothing() {
    let service = FakeService::start(|_, _| Reply::accepted()).await;
    let import = of_site(&service, EXPORT);
    assert!(dry_run(import.arguments, &Silent).await.is_ok());
    let own = Import::new(&service, "a.ndjson", numbered(0..3));
    assert!(dry_run(own.arguments, &Silent).await.is_ok());
    assert_eq!(service.bodies(), Vec::<String>::new());
}
