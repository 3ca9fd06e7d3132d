//! Memory and file descriptors of all processes that were started here.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

/// What one look at a process found.
#[derive(Debug, Clone, Copy)]
struct Look {
    memory_kb: u64,
    descriptors: u64,
}

/// A process and what was seen of it, in order.
#[derive(Debug)]
struct Life {
    name: String,
    looks: Vec<Look>,
}

/// What was seen of all processes.
#[derive(Debug, Default)]
pub struct Vitals {
    lives: BTreeMap<u32, Life>,
    looks: usize,
}

impl Vitals {
    /// Looks at all processes, and says in a line how those are that live.
    pub fn look(&mut self) -> String {
        let mut said = Vec::new();
        for pid in children() {
            let Some((name, look)) = examine(pid) else { continue };
            said.push(format!("{name} {} MB {} fd", look.memory_kb / 1024, look.descriptors));
            let life = self.lives.entry(pid).or_insert_with(|| Life { name, looks: Vec::new() });
            life.looks.push(look);
        }
        self.looks += 1;
        said.join(", ")
    }

    /// The services that lived from the beginning to the end, and what they had in the second quarter
    /// of their lives and in the last.
    fn of_the_old(&self) -> impl Iterator<Item = (&str, Look, Look)> {
        let old = self.lives.values().filter(|life| life.looks.len() + 1 >= self.looks);
        old.filter(|life| life.looks.len() >= 4).map(|Life { name, looks }| {
            let quarter = looks.len() / 4;
            let last = looks.len() - quarter;
            (name.as_str(), most(&looks[quarter..quarter * 2]), most(&looks[last..]))
        })
    }

    /// What grew that should not have: by half and by more than so much.
    pub fn leaks(&self) -> Vec<String> {
        let services = self.of_the_old().filter(|(name, ..)| !name.contains("redis"));
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

impl fmt::Display for Vitals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, early, late) in self.of_the_old() {
            let (from, to) = (early.memory_kb / 1024, late.memory_kb / 1024);
            let (opened, open) = (early.descriptors, late.descriptors);
            writeln!(f, "{name}: {from} MB, later {to} MB; {opened} fd, later {open}")?;
        }
        Ok(())
    }
}

fn most(looks: &[Look]) -> Look {
    let most = |of: fn(&Look) -> u64| looks.iter().map(of).max().unwrap_or_default();
    Look { memory_kb: most(|look| look.memory_kb), descriptors: most(|look| look.descriptors) }
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

fn examine(pid: u32) -> Option<(String, Look)> {
    let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<_> = command.split('\0').collect();
    let name = if words[0].contains("redis") { "redis" } else { words.get(1)? };
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let memory_kb = memory.trim().trim_end_matches(" kB").parse().ok()?;
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
    Some((format!("{name}[{pid}]"), Look { memory_kb, descriptors }))
}
