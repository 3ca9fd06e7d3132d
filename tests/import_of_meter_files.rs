//! `import` reads the files that meters, inverters and utilities export: each gives its energy back over HTTP.

use std::path::Path;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::Value;

use crate::common::http::segment;
use crate::common::import::{Input, figure, gzip, import, named_command, zip};
use crate::common::meter_files::{Device, Sample, samples, samples_of};
use crate::common::process::Ended;
use crate::common::product::{Launch, Role, ingestion_api, launch, processing_service, query_api};
use crate::common::redis::{RedisServer, STREAM};
use crate::common::stored::{members, wait_until_settled};
use crate::common::wait;

/// Of the energy of a device: readings are rounded to a millionth of a watt, and instants to a microsecond.
const TOLERANCE: f64 = 1e-6;

struct Services {
    redis: RedisServer,
    ingestion: Role,
    _processing: Role,
    query: Role,
}

impl Services {
    async fn start() -> Self {
        let redis = RedisServer::start().await;
        let ingestion = ingestion_api(&redis).start().await;
        let processing = processing_service(&redis).start().await;
        let query = query_api(&redis).start().await;
        Self { redis, ingestion, _processing: processing, query }
    }

    fn import(&self, file: &Path, site: &str) -> Launch {
        import(file, self.ingestion.base()).arg("--site").arg(site)
    }

    async fn import_sample(&self, sample: &Sample) -> Ended {
        let launch = self.import(&sample.path(), &sample.site());
        let ended = sample.arguments.iter().fold(launch, Launch::arg).run().await;
        let code = if sample.rejected == 0 { 0 } else { 3 };
        assert_eq!(ended.status.code(), Some(code), "{}: {ended:?}", sample.site());
        ended
    }

    async fn stored(&self, site: &str) -> usize {
        wait_until_settled(&self.redis).await;
        members(&self.redis, site).await.len()
    }

    /// The devices of `/energy` over all that a sample has.
    async fn energy(&self, sample: &Sample) -> Vec<Value> {
        let start = sample.devices.iter().map(|device| device.first.as_str()).min().unwrap();
        let last = sample.devices.iter().map(|device| device.last.as_str()).max().unwrap();
        let end = last.parse::<DateTime<Utc>>().unwrap() + Duration::seconds(1);
        let (site, end) =
            (segment(&sample.site()), end.to_rfc3339_opts(SecondsFormat::Micros, true));
        let path =
            format!("/sites/{site}/energy?start={start}&end={end}&max_gap={}", sample.max_gap);
        let reply = self.query.get(&path).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply.json()["devices"].as_array().unwrap().clone()
    }
}

fn assert_energy(sample: &Sample, expected: &Device, found: &[Value]) {
    let place = format!("{}: {}", sample.site(), expected.name);
    let found = found.iter().find(|device| device["device_id"] == expected.name.as_str());
    let found = found.unwrap_or_else(|| panic!("{place} is missing"));
    assert_eq!(found["count"], expected.instants, "{place}");
    // One reading alone holds for no time.
    let kwh = found["import_kwh"].as_f64().unwrap_or_default();
    assert!(
        (kwh - expected.kwh).abs() <= TOLERANCE * expected.kwh.max(1e-3),
        "{place}: {} kWh, not {kwh}",
        expected.kwh
    );
}

#[tokio::test]
async fn each_file_gives_its_energy_and_importing_it_again_adds_nothing() {
    let services = Services::start().await;
    for sample in samples() {
        let first = services.import_sample(&sample).await;
        let readings = sample.readings();
        assert_eq!(
            (figure(&first, "accepted"), figure(&first, "rejected")),
            (readings as u64, sample.rejected),
            "{first:?}"
        );
        assert_eq!(first.stderr.contains(" skipped"), sample.skipped > 0, "{first:?}");
        assert_eq!(services.stored(&sample.site()).await, readings, "{}", sample.site());
        let energy = services.energy(&sample).await;
        assert_eq!(energy.len(), sample.devices.len(), "{energy:?}");
        for device in &sample.devices {
            assert_energy(&sample, device, &energy);
        }
        let again = services.import_sample(&sample).await;
        assert_eq!(
            (figure(&again, "accepted"), figure(&again, "replayed")),
            (readings as u64, readings as u64)
        );
        assert_eq!(services.stored(&sample.site()).await, readings, "{}", sample.site());
    }
}

#[tokio::test]
async fn a_dry_run_says_what_was_understood_and_sends_nothing() {
    let services = Services::start().await;
    for sample in samples() {
        let launch = services.import(&sample.path(), &sample.site()).arg("--dry-run");
        let ended = sample.arguments.iter().fold(launch, Launch::arg).run().await;
        let code = if sample.rejected == 0 { 0 } else { 3 };
        assert_eq!(ended.status.code(), Some(code), "{}: {ended:?}", sample.site());
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains(&format!("profile {} (", sample.profile)), "{said}");
        let row = format!(r#"{{"site_id":"{}","device_id":""#, sample.site());
        assert!(ended.stdout.starts_with(&row), "the first rows: {said}");
    }
    assert_eq!(services.redis.run::<usize>(&["XLEN", STREAM]).await, 0);
}

#[tokio::test]
async fn a_file_that_is_compressed_gives_the_same() {
    let services = Services::start().await;
    let sample = &samples_of("octopus")[0];
    let text = std::fs::read_to_string(sample.path()).unwrap();
    for (name, content) in [
        ("plain.csv", text.clone().into_bytes()),
        ("a.csv.gz", gzip(&text)),
        ("a.zip", zip("usage.csv", &text)),
    ] {
        let input = Input::new(name, content);
        let ended = services.import(&input.file, "house").run().await;
        assert_eq!(figure(&ended, "accepted"), sample.readings() as u64, "{name}: {ended:?}");
        assert_eq!(services.stored("house").await, sample.readings(), "{name}");
    }
}

#[tokio::test]
async fn what_a_file_does_not_say_is_not_guessed_and_nothing_of_it_is_sent() {
    // Going up and down, so that they are no counter.
    let values = ["0.5", "0.25", "0.5", "0.25", "0.5", "0.25"];
    let rows =
        values.iter().zip(10..).map(|(kwh, hour)| format!("2024-03-01T{hour}:00:00Z,{kwh}\n"));
    let hours = format!("Date,kWh\n{}", rows.collect::<String>());
    let local = hours.replace('Z', "");
    let counter =
        "Start,kWh\n2024-03-01T00:00:00Z,1\n2024-03-01T01:00:00Z,2\n2024-03-01T02:00:00Z,3\n";
    let dates =
        "Start,kWh\n01/02/2024 00:00,0.5\n01/02/2024 01:00,0.25\n01/02/2024 02:00,0.5\n".to_owned();
    let thousands = "Start;kWh\n2024-03-01T00:00:00Z;1,234\n2024-03-01T01:00:00Z;2,345\n2024-03-01T02:00:00Z;1,001\n".to_owned();
    let services = Services::start().await;
    let cases = [
        ("pdf.csv", "%PDF-1.7\n%\u{e2}\u{e3}\n1 0 obj\n".to_owned(), "PDF"),
        ("no_rows.csv", "Start,End,Consumption (kWh)\n".to_owned(), "no rows"),
        ("unit.csv", hours.replace("kWh", "Reading"), "--unit"),
        ("zone.csv", local.replace("Date", "Start"), "--tz"),
        ("start_or_end.csv", hours, "--times"),
        ("counter.csv", counter.to_owned(), "--map counter=COLUMN"),
        ("empty.csv", String::new(), "no rows"),
        ("day_or_month.csv", dates, "--time-format"),
        ("decimal.csv", thousands, "--decimal"),
        ("column.csv", "a,b,c\n1,2,3\n4,5,6\n".to_owned(), "--map"),
        ("series.json", r#"{"a":[{"t":1,"v":2}],"b":[{"t":1,"v":2}]}"#.to_owned(), "--profile"),
    ];
    for (name, text, named) in cases {
        let input = Input::new(name, text);
        let ended = services.import(&input.file, "house").run().await;
        assert!(matches!(ended.status.code(), Some(1 | 2 | 4)), "{name}: {ended:?}");
        assert!(ended.stderr.contains(named), "{name}: {ended:?}");
    }
    let unknown = services
        .import(&samples_of("octopus")[0].path(), "house")
        .arg("--profile")
        .arg("octopuss")
        .run()
        .await;
    assert_ne!(unknown.status.code(), Some(0));
    assert!(
        unknown.stderr.contains("octopuss") && unknown.stderr.contains("--list-profiles"),
        "{unknown:?}"
    );
    assert_eq!(services.redis.run::<usize>(&["XLEN", STREAM]).await, 0);
}

/// Half-hours of a year from 2023 on, in the shape of Octopus Energy, and their energy.
fn half_hours(count: i32) -> (String, f64) {
    let begin = DateTime::from_timestamp(1_672_531_200, 0).unwrap();
    let shown = |n| (begin + Duration::minutes(30) * n).to_rfc3339_opts(SecondsFormat::Secs, true);
    let kwh = |n: i32| f64::from(100 + (n * 37) % 900) / 1000.0;
    let rows = (0..count).map(|n| format!("{}, {}, {}\n", kwh(n), shown(n), shown(n + 1)));
    let text = format!("Consumption (kWh), Start, End\n{}", rows.collect::<String>());
    (text, (0..count).map(kwh).sum())
}

#[tokio::test]
async fn an_import_that_is_killed_or_interrupted_and_continued_gives_the_same() {
    const COUNT: i32 = 6_000;
    let services = Services::start().await;
    let (text, kwh) = half_hours(COUNT);
    let input = Input::new("year.csv", text);
    let slow = |site: &str| {
        services
            .import(&input.file, site)
            .arg("--batch-size")
            .arg("20")
            .arg("--concurrency")
            .arg("1")
    };
    for (site, signal) in [("killed", "KILL"), ("interrupted", "INT")] {
        let before: usize = services.redis.run(&["XLEN", STREAM]).await;
        let mut first = slow(site).start_process();
        let under_way =
            async || services.redis.run::<usize>(&["XLEN", STREAM]).await > before + 200;
        wait::until("the import is under way", under_way).await;
        first.signal(signal);
        let ended = first.ended().await;
        let continued = if signal == "INT" {
            let command = named_command(&ended);
            let arguments: Vec<_> = command[1..].iter().map(String::as_str).collect();
            launch(&arguments)
        } else {
            slow(site)
        };
        let continued = continued.run().await;
        assert_eq!(continued.status.code(), Some(0), "{continued:?}");
        let expected = usize::try_from(COUNT).unwrap() + 1;
        assert_eq!(services.stored(site).await, expected, "{site}: {ended:?} {continued:?}");
        let path = format!(
            "/sites/{site}/energy?start=2023-01-01T00:00:00Z&end=2024-01-01T00:00:00Z&max_gap=30m"
        );
        let found =
            services.query.get(&path).await.json()["devices"][0]["import_kwh"].as_f64().unwrap();
        assert!((found - kwh).abs() <= TOLERANCE * kwh, "{site}: {kwh} kWh, not {found}");
    }
}
