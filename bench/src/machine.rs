//! On what the figures were taken, and when.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use chrono::Utc;
use tokio::time::sleep;

use crate::cli::Aof;
use crate::redis_server;
use crate::usage::machine_time;

/// For this long the machine must have been quiet. Too low and a pause of a compiler seems to be its
/// end.
const QUIET_FOR: Duration = Duration::from_millis(500);

/// A machine is quiet that uses less of one core than this.
const QUIET: f64 = 0.1;

/// Waits until the machine has nothing to do, but not longer than `patience`.
///
/// # Errors
/// When the machine does not tell.
pub async fn wait_until_quiet(patience: Duration) -> anyhow::Result<()> {
    let started = Instant::now();
    while started.elapsed() < patience {
        let before = machine_time()?;
        sleep(QUIET_FOR).await;
        let busy = machine_time()?.saturating_sub(before);
        if busy.as_secs_f64() < QUIET * QUIET_FOR.as_secs_f64() {
            break;
        }
    }
    Ok(())
}

/// One line about the machine, the moment and the Redis; figures without it cannot be compared.
///
/// # Errors
/// When there is no Redis.
pub async fn describe(aof: Aof) -> anyhow::Result<String> {
    let aof = match aof {
        Aof::Off => "AOF off",
        Aof::Everysec => "AOF everysec",
    };
    Ok(format!(
        "{}, {} cores, {}, Linux {}, Redis {}, {aof}, load average before {}",
        Utc::now().format("%Y-%m-%d %H:%M UTC"),
        thread::available_parallelism()?,
        processor(),
        first_word("/proc/sys/kernel/osrelease"),
        redis_server::version().await?,
        first_word("/proc/loadavg"),
    ))
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
