//! CPU time and memory from `/proc` (Linux).

use std::fs;
use std::iter;
use std::process;
use std::time::{Duration, Instant};

use anyhow::Context;

/// The tick of `/proc`'s clocks (`USER_HZ`), independent of the kernel's own.
const TICK: Duration = Duration::from_millis(10);

/// Resources used up to a point in time.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    at: Instant,
    service: Duration,
    redis: Duration,
    bench: Duration,
    machine: Duration,
}

/// Resources used between two points in time.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    /// Wall-clock time.
    pub wall: Duration,
    /// CPU time of the measured processes, all threads, user and kernel.
    pub service: Duration,
    /// CPU time of Redis; of a Cluster that of all masters.
    pub redis: Duration,
    /// CPU time of the bench: generator and polling.
    pub bench: Duration,
    /// CPU time of all other processes, and time stolen by the host: interference.
    pub others: Duration,
}

impl Usage {
    /// The resources used up to now.
    ///
    /// # Errors
    /// When a process has ended.
    pub fn now(services: &[u32], redis: &[u32]) -> anyhow::Result<Self> {
        Ok(Self {
            at: Instant::now(),
            service: cpu_times(services)?,
            redis: cpu_times(redis)?,
            bench: cpu_time(process::id())?,
            machine: machine_time()?,
        })
    }

    /// The resources used since then.
    pub fn since(&self, before: &Self) -> Spent {
        let service = self.service.saturating_sub(before.service);
        let redis = self.redis.saturating_sub(before.redis);
        let bench = self.bench.saturating_sub(before.bench);
        let machine = self.machine.saturating_sub(before.machine);
        Spent {
            wall: self.at.duration_since(before.at),
            others: machine.saturating_sub(service + redis + bench),
            service,
            redis,
            bench,
        }
    }
}

impl Spent {
    /// The rate of `count` per second.
    pub fn rate(&self, count: u32) -> f64 {
        f64::from(count) / self.wall.as_secs_f64()
    }

    /// A CPU time as a share of the wall-clock time; 1.0 is one core.
    pub fn share(&self, time: Duration) -> f64 {
        time.as_secs_f64() / self.wall.as_secs_f64()
    }
}

/// A CPU time divided by a count, in microseconds.
pub fn micros_each(time: Duration, count: u32) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(count)
}

/// A kind of memory size.
#[derive(Debug, Clone, Copy)]
pub enum Rss {
    /// The current resident set.
    Now,
    /// The peak of the resident set.
    Peak,
}

/// The sum of the processes' memory, in megabytes.
///
/// # Errors
/// When a process has ended.
pub fn memory(pids: &[u32], kind: Rss) -> anyhow::Result<f64> {
    pids.iter().map(|&pid| memory_of(pid, kind)).sum()
}

fn memory_of(pid: u32, kind: Rss) -> anyhow::Result<f64> {
    let name = match kind {
        Rss::Now => "VmRSS:",
        Rss::Peak => "VmHWM:",
    };
    let status = read(&format!("/proc/{pid}/status"))?;
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
    let kilobytes: u32 = kilobytes.context("the process has no memory any more")?.parse()?;
    Ok(f64::from(kilobytes) / 1024.0)
}

/// A process and its descendants.
pub fn family(pid: u32) -> Vec<u32> {
    // A thread or process that ends meanwhile has no children.
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let children = children.collect::<String>();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    iter::once(pid).chain(children.flat_map(family)).collect()
}

fn cpu_times(pids: &[u32]) -> anyhow::Result<Duration> {
    pids.iter().map(|&pid| cpu_time(pid)).sum()
}

fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    process_time(&read(&format!("/proc/{pid}/stat"))?).context("/proc/PID/stat is unlike itself")
}

/// CPU time of all processes, and time stolen by the host.
///
/// # Errors
/// When `/proc/stat` cannot be read.
pub fn machine_time() -> anyhow::Result<Duration> {
    busy_time(&read("/proc/stat")?).context("/proc/stat is unlike itself")
}

fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

/// `utime` and `stime`, fields 14 and 15. Field 2 is the program's name, which may contain anything.
fn process_time(stat: &str) -> Option<Duration> {
    let (_, from_third) = stat.rsplit_once(')')?;
    let mut times = from_third.split_whitespace().skip(11);
    let (user, kernel): (u32, u32) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
    Some(TICK * (user + kernel))
}

/// All but `idle` and `iowait` (fields 4 and 5 of user, nice, system, idle, iowait, irq, softirq, steal, guest, …; guest
/// is included in user).
fn busy_time(stat: &str) -> Option<Duration> {
    let ticks = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let ticks: Vec<u32> = ticks.take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
    let busy = ticks.iter().enumerate().filter(|(field, _)| ![3, 4].contains(field));
    Some(TICK * busy.map(|(_, ticks)| ticks).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_with_spaces_and_brackets_does_not_shift_its_times() {
        let stat = "4711 (a) S (b c) R 1 2 3 4 5 6 7 8 9 10 21 2 13 14 20 0 3 0 99 1 2";
        assert_eq!(process_time(stat), Some(TICK * 23));
    }

    #[test]
    fn the_machine_is_busy_unless_it_idles_or_waits_for_a_disk() {
        let stat = "cpu  1 2 4 1000 2000 8 16 32 64 128\ncpu0 1 2 4 1000 2000 8 16 32 64 128\n";
        assert_eq!(busy_time(stat), Some(TICK * 63));
    }
}
