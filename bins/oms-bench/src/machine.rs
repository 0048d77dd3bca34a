//! The machine that is measured on, and how busy others keep it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::cpu::{Programs, Ticks};
use crate::latencies::median;

/// Part of the machine that others may take before a run counts as disturbed.
pub(crate) const DISTURBED: f64 = 0.10;

/// What to know of a machine to compare figures.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpus: usize,
    pub(crate) model: String,
    pub(crate) memory_mb: u64,
    pub(crate) kernel: String,
    pub(crate) database: String,
    /// A write of one page that is flushed to the disk; median of 100.
    pub(crate) flush_ms: f64,
}

impl Machine {
    /// Looks at this machine; `folder` is on the disk that is asked for flushes.
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
                .context("the disk can't be measured")?,
        })
    }
}

/// The part of the machine that is busy while we wait.
pub(crate) async fn busy_while_idle(programs: &Programs) -> f64 {
    let before = Ticks::read(programs);
    tokio::time::sleep(Duration::from_millis(200)).await;
    Ticks::read(programs).since(&before).foreign
}

/// Averages of the last 1, 5 and 15 minutes, as the kernel says it.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The commit that is measured, with a mark when files differ from it.
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
