//! The machine and the time of the measurements.

use std::fmt;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use chrono::Utc;
use tokio::time::sleep;

use crate::usage::machine_time;

/// How long the machine must have been idle. Too low: a pause of a compiler is mistaken for its end. Too high: waits
/// without need.
const QUIET_WINDOW: Duration = Duration::from_millis(500);

/// A machine is idle that uses less of one core than this.
const QUIET_CORES: f64 = 0.1;

/// Waits until the machine is idle, at most for `patience`.
///
/// # Errors
/// When `/proc` cannot be read.
pub async fn wait_until_idle(patience: Duration) -> anyhow::Result<()> {
    let started = Instant::now();
    while started.elapsed() < patience {
        let before = machine_time()?;
        sleep(QUIET_WINDOW).await;
        let busy = machine_time()?.saturating_sub(before);
        if busy.as_secs_f64() < QUIET_CORES * QUIET_WINDOW.as_secs_f64() {
            break;
        }
    }
    Ok(())
}

/// Where and when figures were measured; without it they cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The hardware and the kernel.
    pub name: String,
    /// UTC, to the minute.
    pub date: String,
    /// The load average of the last minute.
    pub load: String,
}

impl Machine {
    /// This machine, now.
    ///
    /// # Errors
    /// When the number of cores is unknown.
    pub fn now() -> anyhow::Result<Self> {
        let cores = thread::available_parallelism()?;
        let kernel = first_word("/proc/sys/kernel/osrelease");
        Ok(Self {
            name: format!("{}, {cores} cores, Linux {kernel}", processor()),
            date: Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
            load: first_word("/proc/loadavg"),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, date, load } = self;
        write!(f, "{date}, {name}, load average before {load}")
    }
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.to_owned())
}

fn first_word(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}
