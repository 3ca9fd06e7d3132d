//! What a reading costs in each tier, in memory and time: sorted set, packed day, archive.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use readings::SiteId;
use readings::store::keys;
use readings::store::packed::PackedDays;
use redis::cmd;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::cli::TiersArguments;
use crate::download::KeptConnection;
use crate::draining::stored;
use crate::histogram::Latencies;
use crate::interleave::{InterleavedRuns, Outcome};
use crate::minutes::{self, A_DAY};
use crate::redis_server::{Redis, Store, connect, server};
use crate::report::Figure;
use crate::service::{self, Role, Service, Subject};
use crate::startup::wait_until_ready;
use crate::usage::{Usage, micros_each};

const FIGURES: [Figure; 14] = [
    Figure::new("sorted set, bytes a reading", 1),
    Figure::new("packed day, bytes a reading", 1),
    Figure::new("pack, us a reading", 2),
    Figure::new("pack, Redis CPU, us a reading", 2),
    Figure::new("unpack, us a reading", 2),
    Figure::new("GET of a site in its sorted set, us a reading", 3),
    Figure::new("GET of the same site packed, us a reading", 3),
    Figure::new("archive, us a reading", 2),
    Figure::new("archive, bytes a reading", 1),
    Figure::new("an archived day, bytes of Redis", 0),
    Figure::new("a day of the archive p50, ms", 2),
    Figure::new("30 days of the archive p50, ms", 2),
    Figure::new("GET of the same site archived, us a reading", 3),
    Figure::run_condition("others' CPU, cores", 2),
];

/// How often the days of all sites are asked whether they are archived. Too low and Redis is busy with it; too high and the
/// archive seems slow.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Timeout until all days are archived.
const TIMEOUT: Duration = Duration::from_mins(10);

/// Requests of each range.
const REQUESTS: u32 = 20;

/// Measures the programs.
///
/// # Errors
/// When a reading is lost, or a process ends or takes too long.
pub async fn run(arguments: &TiersArguments) -> anyhow::Result<Outcome> {
    let TiersArguments { sites, days, without_archive, run, programs } = arguments;
    service::check(programs)?;
    let subjects: Vec<_> = Subject::all(programs).filter(is_program).map(Measured).collect();
    let scenario = format!("tiers: {days} packed days of {sites} sites, a reading a minute");
    let load = Load { sites: sites.get(), days: days.get(), archives: !without_archive };
    let runs = InterleavedRuns { scenario, subjects: &subjects, run };
    let measure =
        async |of: &Measured, store: &_| Run::start(&of.0, store, load).await?.measure().await;
    runs.measure(FIGURES, measure).await
}

fn is_program(subject: &Subject) -> bool {
    matches!(subject, Subject::Program { .. })
}

#[derive(Debug)]
struct Measured(Subject);

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug, Clone, Copy)]
struct Load {
    sites: u32,
    days: u32,
    archives: bool,
}

impl Load {
    /// Readings of the days that are packed; one more day of each site is never packed.
    const fn packed(self) -> u32 {
        self.sites * self.days * A_DAY
    }

    const fn all(self) -> u32 {
        self.sites * (self.days + 1) * A_DAY
    }
}

/// A run: the program, a server, and the directory of the archive.
struct Run<'a> {
    of: &'a Subject,
    load: Load,
    redis: Redis,
    archive: TempDir,
}

impl<'a> Run<'a> {
    async fn start(of: &'a Subject, store: &Store, load: Load) -> anyhow::Result<Self> {
        let archive =
            tempfile::Builder::new().prefix("energy-pipeline-bench-archive-").tempdir()?;
        Ok(Self { of, load, redis: Redis::start(store).await?, archive })
    }

    async fn measure(self) -> anyhow::Result<[f64; 14]> {
        let (packed, all) = (self.load.packed(), self.load.all());
        let (empty, started) = (self.used_memory().await?, Usage::now(&[], &self.redis.pids())?);
        minutes::store(&self.redis, self.load.sites, self.load.days + 1).await?;
        let hot = self.used_memory().await? - empty;
        let hot_get = self.get_in_service().await?;
        let before = Usage::now(&[], &self.redis.pids())?;
        let packing = self.command(&["pack"]).await?;
        let spent = Usage::now(&[], &self.redis.pids())?.since(&before);
        self.verify_hot(all - packed).await?;
        let each_hot = hot / f64::from(all);
        let with_packed = self.bytes_of(keys::packed).await? + self.bytes_of(keys::days).await?;
        let packed_get = self.get_in_service().await?;
        let unpacking = self.command(&["unpack"]).await?;
        self.verify_hot(all).await?;
        let archived = self.archived().await?;
        let others = Usage::now(&[], &self.redis.pids())?.since(&started);
        self.redis.end().await?;
        Ok([
            each_hot,
            with_packed / f64::from(packed),
            micros_each(packing, packed),
            micros_each(spent.redis, packed),
            micros_each(unpacking, packed),
            hot_get,
            packed_get,
            archived.micros,
            archived.bytes,
            archived.redis_bytes_a_day,
            archived.day,
            archived.month,
            archived.get,
            others.share(others.others),
        ])
    }

    /// Runs a command of the program to its end.
    async fn command(&self, words: &[&str]) -> anyhow::Result<Duration> {
        let Subject::Program { path, .. } = self.of else { anyhow::bail!("it has no commands") };
        let started = Instant::now();
        let output = service::command(path, words, &self.redis).output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {}, {said}", words.join(" "), output.status);
        Ok(started.elapsed())
    }

    /// Verifies the number of readings in the sorted sets.
    async fn verify_hot(&self, expected: u32) -> anyhow::Result<()> {
        let found = stored(&self.redis).await?;
        ensure!(
            found == u64::from(expected),
            "LOST: {expected} readings are to be in sorted sets, {found} are"
        );
        Ok(())
    }

    async fn used_memory(&self) -> anyhow::Result<f64> {
        let mut connection = connect(self.redis.port()).await?;
        let text: String = cmd("INFO").arg("memory").query_async(&mut connection).await?;
        let line = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
        Ok(line.context("the server says how much it uses")?.trim().parse()?)
    }

    /// Microseconds a reading of the response with all readings of a site, by a service of its own.
    async fn get_in_service(&self) -> anyhow::Result<f64> {
        let mut service = service::start(self.of, Role::Processing, &self.redis)?;
        let address = self.ready(&mut service).await?;
        let micros = self.get(address).await?;
        service.end().await?;
        Ok(micros)
    }

    async fn ready(&self, service: &mut Service) -> anyhow::Result<SocketAddr> {
        let address = service.address().await?;
        wait_until_ready(address, self.of, Instant::now()).await?;
        Ok(address)
    }

    /// As [`Run::get_in_service`], of a service that is running: the second of two responses.
    async fn get(&self, address: SocketAddr) -> anyhow::Result<f64> {
        let mut connection = KeptConnection::to(address).await?;
        let path = format!("/sites/{}/readings", minutes::site(0)?);
        let (_, body) = connection.body(&path).await?;
        let readings = self.load.all() / self.load.sites;
        let found = memchr_count(&body, b"\"stream_id\"");
        ensure!(found == readings as usize, "LOST: {readings} readings are stored, {found} given");
        let download = connection.download(&path).await?;
        Ok(micros_each(download.whole, readings))
    }

    async fn archived(&self) -> anyhow::Result<Archived> {
        if !self.load.archives {
            return Ok(Archived::NONE);
        }
        self.command(&["pack"]).await?;
        let url = format!("file://{}", self.archive.path().display());
        let settings = [("PACK_AFTER", "1h"), ("ARCHIVE_AFTER", "1h"), ("ARCHIVE_URL", &url)];
        let settings = settings.map(|(name, value)| (name, Path::new(value)));
        let started = Instant::now();
        let mut service = service::start_with(self.of, Role::Processing, &self.redis, &settings)?;
        let address = self.ready(&mut service).await?;
        self.wait_until_archived(&mut service).await?;
        let micros = micros_each(started.elapsed(), self.load.packed());
        let (day, month) = (self.range(address, 1).await?, self.range(address, 30).await?);
        let get = self.get(address).await?;
        service.end().await?;
        let days = f64::from(self.load.sites * self.load.days);
        let headers = self.bytes_of(keys::days).await?;
        ensure!(self.bytes_of(keys::packed).await? == 0.0, "archived days still have values");
        let bytes = size_of(self.archive.path())? / f64::from(self.load.packed());
        Ok(Archived { micros, bytes, redis_bytes_a_day: headers / days, day, month, get })
    }

    async fn wait_until_archived(&self, service: &mut Service) -> anyhow::Result<()> {
        let days = PackedDays::new(server(self.redis.port())?.shared());
        let (mut number, started) = (0, Instant::now());
        while number < self.load.sites {
            service.check()?;
            ensure!(started.elapsed() < TIMEOUT, "not all days are archived");
            let of_site = days.of_site(&minutes::site(number)?).await?;
            let archived = of_site.headers.values().filter(|header| header.archived().is_some());
            if archived.count() >= self.load.days as usize {
                number += 1;
            } else {
                sleep(POLL_INTERVAL).await;
            }
        }
        Ok(())
    }

    /// Milliseconds of the response with this number of archived days of a site, or all where there are fewer; half of the
    /// requests take longer.
    async fn range(&self, address: SocketAddr, days: u32) -> anyhow::Result<f64> {
        let mut connection = KeptConnection::to(address).await?;
        let (site, mut latencies) = (minutes::site(0)?, Latencies::new()?);
        let days = days.min(self.load.days);
        let end = chrono::DateTime::from_timestamp_secs(1_672_531_200 + i64::from(days) * 86_400);
        let end = end.context("a date")?.format("%Y-%m-%dT%H:%M:%SZ");
        let path =
            format!("/sites/{site}/readings?start=2023-01-01T00:00:00Z&end={end}&format=ndjson");
        for _ in 0..REQUESTS {
            latencies.add(connection.download(&path).await?.whole)?;
        }
        Ok(latencies.percentile(50.0))
    }

    /// Bytes of Redis of a key of each site (`MEMORY USAGE`).
    async fn bytes_of(&self, key: fn(&SiteId) -> String) -> anyhow::Result<f64> {
        let mut connection = connect(self.redis.port()).await?;
        let mut bytes = 0.0;
        for number in 0..self.load.sites {
            let mut usage = cmd("MEMORY");
            usage.arg("USAGE").arg(key(&minutes::site(number)?)).arg("SAMPLES").arg(0);
            // Of a key that does not exist nothing.
            let of_site: Option<f64> = usage.query_async(&mut connection).await?;
            bytes += of_site.unwrap_or_default();
        }
        Ok(bytes)
    }
}

/// What archived days need; NaN where they were not measured.
struct Archived {
    micros: f64,
    bytes: f64,
    redis_bytes_a_day: f64,
    day: f64,
    month: f64,
    get: f64,
}

impl Archived {
    const NONE: Self = Self {
        micros: f64::NAN,
        bytes: f64::NAN,
        redis_bytes_a_day: f64::NAN,
        day: f64::NAN,
        month: f64::NAN,
        get: f64::NAN,
    };
}

fn memchr_count(body: &[u8], text: &[u8]) -> usize {
    body.windows(text.len()).filter(|window| *window == text).count()
}

/// Bytes of all files below a directory.
fn size_of(directory: &Path) -> anyhow::Result<f64> {
    let mut bytes = 0.0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            size_of(&entry.path())?
        } else {
            f64::from(u32::try_from(metadata.len())?)
        };
    }
    Ok(bytes)
}
