//! The processor time of our programs, and the part of the machine that others used. Read from `/proc`: Linux only.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// `/proc` counts in hundredths of a second on every Linux that PostgreSQL and Rust run on (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// Ticks of our programs and of the machine so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ticks {
    pub(crate) database: u64,
    pub(crate) server: u64,
    pub(crate) generator: u64,
    /// Ticks of all programs, and those that the hypervisor took.
    busy: u64,
    all: u64,
}

/// The programs whose ticks are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Programs {
    /// The first process of PostgreSQL; all of its children count too.
    pub(crate) postmaster: u32,
    /// The API.
    pub(crate) server: Option<u32>,
    /// The generator when it is not this process, and the gateway.
    pub(crate) others: [Option<u32>; 2],
}

/// What was used between two readings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spent {
    pub(crate) database: Duration,
    pub(crate) server: Duration,
    pub(crate) generator: Duration,
    /// The part of the machine that others used, from 0 to 1.
    pub(crate) foreign: f64,
}

impl Ticks {
    pub(crate) fn read(programs: &Programs) -> Self {
        let processes = processes();
        let own = |id: u32| processes.get(&id).map_or(0, |process| process.own);
        let children = processes
            .values()
            .filter(|it| it.parent == programs.postmaster);
        let postmaster = processes.get(&programs.postmaster);
        let ended_children = postmaster.map_or(0, |it| it.own + it.ended_children);
        let others = programs.others.into_iter().flatten().map(own);
        let (busy, all) = machine();
        Self {
            database: children.map(|it| it.own).sum::<u64>() + ended_children,
            server: programs.server.map_or(0, own),
            generator: own(std::process::id()) + others.sum::<u64>(),
            busy,
            all,
        }
    }

    /// Returns what was used since an earlier reading.
    pub(crate) fn since(&self, earlier: &Self) -> Spent {
        let between = |now: u64, then: u64| now.saturating_sub(then);
        let database = between(self.database, earlier.database);
        let server = between(self.server, earlier.server);
        let generator = between(self.generator, earlier.generator);
        let foreign =
            between(self.busy, earlier.busy).saturating_sub(database + server + generator);
        let all = between(self.all, earlier.all).max(1);
        let time = |ticks: u64| Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND);
        Spent {
            database: time(database),
            server: time(server),
            generator: time(generator),
            foreign: crate::latencies::float(foreign) / crate::latencies::float(all),
        }
    }
}

/// The memory of a process in MB: now, and at its maximum.
pub(crate) fn memory_mb(id: u32) -> Option<(f64, f64)> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    Some((
        kilobytes(&status, "VmRSS:")? / 1024.0,
        kilobytes(&status, "VmHWM:")? / 1024.0,
    ))
}

fn kilobytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

struct Process {
    parent: u32,
    own: u64,
    ended_children: u64,
}

fn processes() -> HashMap<u32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter_map(|id| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        Some((id, parse(&stat)?))
    })
    .collect()
}

/// The name is in brackets and may contain anything; the state is the first field after it (proc(5)).
fn parse(stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
    Some(Process {
        parent: u32::try_from(number(1)?).ok()?,
        own: number(11)? + number(12)?,
        ended_children: number(13)? + number(14)?,
    })
}

fn machine() -> (u64, u64) {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    stat.lines().next().map_or((0, 0), totals)
}

/// `cpu user nice system idle iowait irq softirq steal …`; guest time is part of user time.
fn totals(line: &str) -> (u64, u64) {
    let numbers: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|text| text.parse().ok())
        .collect();
    let all: u64 = numbers.iter().sum();
    let idle: u64 = numbers.iter().skip(3).take(2).sum();
    (all - idle, all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let stat = "7 (a) b) S 3 7 7 0 -1 4194560 1 2 3 4 11 22 33 44 20 0 1 0 100";
        let process = parse(stat).unwrap();
        assert_eq!(
            (process.parent, process.own, process.ended_children),
            (3, 33, 77)
        );
    }

    #[test]
    fn waiting_for_the_disk_is_idle_and_stolen_time_is_not() {
        assert_eq!(totals("cpu  10 1 5 80 20 1 2 3 9 0"), (22, 122));
    }

    #[test]
    fn time_that_none_of_our_programs_used_is_foreign() {
        let earlier = Ticks::default();
        let later = Ticks {
            database: 30,
            server: 20,
            generator: 10,
            busy: 80,
            all: 200,
        };
        let spent = later.since(&earlier);
        assert_eq!(spent.database, Duration::from_millis(300));
        assert!((spent.foreign - 0.1).abs() < 1e-9);
    }

    #[test]
    fn this_process_has_memory() {
        let (now, most) = memory_mb(std::process::id()).unwrap();
        assert!(now > 0.0 && most >= now);
    }
}
