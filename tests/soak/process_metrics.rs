//! Memory and file descriptors of all child processes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

/// One sample of a process.
#[derive(Debug, Clone, Copy)]
struct Sample {
    memory_kb: u64,
    descriptors: u64,
}

/// A process and its samples, in order.
#[derive(Debug)]
struct ProcessHistory {
    name: String,
    samples: Vec<Sample>,
}

/// The samples of all processes.
#[derive(Debug, Default)]
pub struct ProcessMetrics {
    instances: BTreeMap<u32, ProcessHistory>,
    samples: usize,
}

impl ProcessMetrics {
    /// Samples all running processes, and returns them in one line.
    pub fn sample(&mut self) -> String {
        let mut said = Vec::new();
        for pid in children() {
            let Some((name, sample)) = sample_process(pid) else { continue };
            said.push(format!("{name} {} MB {} fd", sample.memory_kb / 1024, sample.descriptors));
            let life = self
                .instances
                .entry(pid)
                .or_insert_with(|| ProcessHistory { name, samples: Vec::new() });
            life.samples.push(sample);
        }
        self.samples += 1;
        said.join(", ")
    }

    /// The services that ran from the beginning to the end, with their maxima in the second quarter
    /// of that time and in the last.
    fn long_running(&self) -> impl Iterator<Item = (&str, Sample, Sample)> {
        let old = self.instances.values().filter(|life| life.samples.len() + 1 >= self.samples);
        old.filter(|life| life.samples.len() >= 4).map(|ProcessHistory { name, samples }| {
            let quarter = samples.len() / 4;
            let last = samples.len() - quarter;
            (name.as_str(), most(&samples[quarter..quarter * 2]), most(&samples[last..]))
        })
    }

    /// Services that grew by half and by more than a margin.
    pub fn leaks(&self) -> Vec<String> {
        let services = self.long_running().filter(|(name, ..)| !name.contains("redis"));
        let grew = |early: u64, late: u64, slack| late > early + early / 2 + slack;
        services
            .filter(|(_, early, late)| {
                grew(early.memory_kb, late.memory_kb, 20_000)
                    || grew(early.descriptors, late.descriptors, 150)
            })
            .map(|(name, early, late)| format!("{name} grew from {early:?} to {late:?}"))
            .collect()
    }
}

impl fmt::Display for ProcessMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, early, late) in self.long_running() {
            let (from, to) = (early.memory_kb / 1024, late.memory_kb / 1024);
            let (opened, open) = (early.descriptors, late.descriptors);
            writeln!(f, "{name}: {from} MB, later {to} MB; {opened} fd, later {open}")?;
        }
        Ok(())
    }
}

fn most(samples: &[Sample]) -> Sample {
    let most = |of: fn(&Sample) -> u64| samples.iter().map(of).max().unwrap_or_default();
    Sample {
        memory_kb: most(|sample| sample.memory_kb),
        descriptors: most(|sample| sample.descriptors),
    }
}

/// The processes that this one started.
fn children() -> Vec<u32> {
    let us = std::process::id().to_string();
    let parent_of = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(stat.rsplit_once(") ")?.1.split(' ').nth(1)?.to_owned())
    };
    let pids = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut ours: Vec<u32> = pids.filter(|pid| parent_of(*pid).as_ref() == Some(&us)).collect();
    ours.sort_unstable();
    ours
}

fn sample_process(pid: u32) -> Option<(String, Sample)> {
    let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<_> = command.split('\0').collect();
    let name = if words[0].contains("redis") { "redis" } else { words.get(1)? };
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let memory_kb = memory.trim().trim_end_matches(" kB").parse().ok()?;
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
    Some((format!("{name}[{pid}]"), Sample { memory_kb, descriptors }))
}
