//! The machine that runs the benchmark, and how much of it other programs use.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::cpu::{Programs, Ticks};
use crate::latencies::median;

/// The part of the machine that other programs may use before a run counts as disturbed.
pub(crate) const DISTURBED: f64 = 0.10;

/// What identifies a machine, for comparing figures.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpus: usize,
    pub(crate) model: String,
    pub(crate) memory_mb: u64,
    pub(crate) kernel: String,
    pub(crate) database: String,
    /// The time to write one page and flush it to the disk; median of 100.
    pub(crate) flush_ms: f64,
}

impl Machine {
    /// Describes this machine; flushes are measured in `folder`.
    pub(crate) fn look(database: &str, folder: &Path) -> Result<Self> {
        Ok(Self {
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            model: value_of("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            memory_mb: memory_mb(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            database: database.split(" on ").next().unwrap_or_default().to_owned(),
            flush_ms: flush_ms(&folder.join("flush-probe"))
                .context("could not measure the disk")?,
        })
    }
}

/// The part of the machine that is busy while this program waits.
pub(crate) async fn busy_while_idle(programs: &Programs) -> f64 {
    let before = Ticks::read(programs);
    tokio::time::sleep(Duration::from_millis(200)).await;
    Ticks::read(programs).since(&before).foreign
}

/// The load averages of the last 1, 5 and 15 minutes, as the kernel prints them.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The measured commit, with a mark if files differ from it.
pub(crate) fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match git(&["rev-parse", "--short=12", "HEAD"]) {
        Some(commit)
            if git(&["status", "--porcelain"]).is_some_and(|changes| changes.is_empty()) =>
        {
            commit
        }
        Some(commit) => format!("{commit}+changes"),
        None => "unknown".to_owned(),
    }
}

fn flush_ms(path: &Path) -> Result<f64> {
    let mut file = File::create(path)?;
    let mut times = Vec::new();
    for _ in 0..100 {
        let started = Instant::now();
        file.write_all(&[0; 8192])?;
        file.sync_data()?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    fs::remove_file(path)?;
    Ok(median(times))
}

fn memory_mb() -> u64 {
    let kilobytes = value_of("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}

fn value_of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
