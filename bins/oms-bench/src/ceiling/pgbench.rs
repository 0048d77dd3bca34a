//! Runs pgbench, and reads the latency of each transaction from its logs.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use tokio::time::{Instant, sleep_until};

use super::{Script, Shape};
use crate::cpu::{Programs, Spent, Ticks};
use crate::latencies::Latencies;
use crate::load::Window;

/// A new connection's first call to PostGIS takes about 50 ms of processor time: on two cores 25 ms per client. The API
/// has made this call when it is ready; pgbench starts with it.
const WARM_UP_PER_CLIENT: Duration = Duration::from_millis(25);
/// Number of lines of pgbench's output that an error quotes. pgbench repeats the same error forevery client.
const COMPLAINTS: usize = 5;

/// Where pgbench is, and where it writes.
#[derive(Clone, Debug)]
pub(crate) struct Pgbench {
    pub(crate) program: PathBuf,
    pub(crate) folder: PathBuf,
}

/// The result of a run.
pub(crate) struct Measured {
    pub(crate) latencies: Latencies,
    pub(crate) elapsed: Duration,
    /// Processor time during the run.
    pub(crate) spent: Spent,
    /// All transactions, including those of the warm-up.
    pub(crate) transactions: u64,
}

impl Pgbench {
    /// Runs a script with this many clients.
    pub(crate) async fn run(
        &self,
        script: &Script,
        shape: Shape,
        database_url: &str,
        clients: usize,
        window: Window,
        postmaster: u32,
    ) -> Result<Measured> {
        fs::create_dir_all(&self.folder)?;
        self.remove_logs()?;
        let window = Window {
            warm_up: window.warm_up + WARM_UP_PER_CLIENT * u32::try_from(clients)?,
            ..window
        };
        let file = self.folder.join("order.sql");
        fs::write(&file, script.text(shape))?;
        let seconds = (window.warm_up + window.measured).as_secs_f64().ceil();
        let mut command = Command::new(&self.program);
        command
            .args(["--no-vacuum", "--protocol=prepared", "--log"])
            .arg(format!("--client={clients}"))
            .arg(format!("--jobs={}", clients.min(2)))
            .arg(format!("--time={seconds}"))
            .arg(format!(
                "--log-prefix={}",
                self.folder.join("transactions").display()
            ))
            // IDs continue from now, like the server's.
            .arg(format!(
                "--define=n={}",
                SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis()
            ))
            .arg("--file")
            .arg(&file)
            .arg(database_url)
            // The settings of the product's sessions that affect speed. The time-outs are longer: of 256 clients that
            // queue for one row, the last waits longer than a server allows, which would end pgbench.
            .env(
                "PGOPTIONS",
                "-c jit=off -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c lock_timeout=600000 \
                 -c statement_timeout=600000",
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("could not start {}", self.program.display()))?;
        let programs = Programs {
            postmaster,
            server: None,
            others: [child.id(), None],
        };
        let ended = tokio::spawn(child.wait_with_output());
        sleep_until(started + window.warm_up).await;
        let before = Ticks::read(&programs);
        sleep_until(started + window.warm_up + window.measured).await;
        let spent = Ticks::read(&programs).since(&before);
        let output = ended.await??;
        let complaint = String::from_utf8_lossy(&output.stderr);
        let first: Vec<&str> = complaint.lines().take(COMPLAINTS).collect();
        ensure!(output.status.success(), "{}", first.join("\n"));
        self.read(window, spent)
    }

    fn read(&self, window: Window, spent: Spent) -> Result<Measured> {
        let mut transactions = Vec::new();
        for path in self.logs()? {
            for line in fs::read_to_string(path)?.lines() {
                let read = Transaction::read(line);
                transactions.push(read.with_context(|| format!("pgbench logged {line:?}"))?);
            }
        }
        let (from, to) = counted(&transactions, window)?;
        let mut latencies = Latencies::new()?;
        for transaction in &transactions {
            if transaction.ended >= from && transaction.ended < to {
                latencies.record(transaction.took);
            }
        }
        Ok(Measured {
            latencies,
            elapsed: to - from,
            spent,
            transactions: u64::try_from(transactions.len())?,
        })
    }

    fn logs(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.folder)?.filter_map(Result::ok);
        let is_log = |path: &PathBuf| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            name.starts_with("transactions.")
        };
        Ok(entries.map(|entry| entry.path()).filter(is_log).collect())
    }

    fn remove_logs(&self) -> Result<()> {
        Ok(self.logs()?.iter().try_for_each(fs::remove_file)?)
    }
}

/// Returns when counting starts and ends, since 1970. It starts after the warm-up, and not before every client is warm.
/// If that would leave less than half of the time, the second half is counted.
fn counted(transactions: &[Transaction], window: Window) -> Result<(Duration, Duration)> {
    let mut first_of_each: BTreeMap<u64, Duration> = BTreeMap::new();
    for Transaction { client, ended, .. } in transactions {
        let first = first_of_each.entry(*client).or_insert(*ended);
        *first = (*first).min(*ended);
    }
    let started = transactions
        .iter()
        .map(|it| it.ended.saturating_sub(it.took))
        .min();
    let started = started.context("pgbench completed no transaction")?;
    let all_warm = first_of_each.into_values().max().unwrap_or(started);
    let last = transactions
        .iter()
        .map(|it| it.ended)
        .max()
        .unwrap_or(started);
    let latest = last.saturating_sub(window.measured / 2);
    let from = all_warm.max(started + window.warm_up).min(latest);
    Ok((from, last.min(from + window.measured)))
}

/// One line of pgbench's log.
struct Transaction {
    client: u64,
    /// Time since 1970.
    ended: Duration,
    took: Duration,
}

impl Transaction {
    /// `client_id transaction_no time script_no time_epoch time_us`
    fn read(line: &str) -> Option<Self> {
        let numbers: Vec<u64> = line
            .split(' ')
            .filter_map(|field| field.parse().ok())
            .collect();
        let [client, _, took, _, seconds, micros] = *numbers.as_slice() else {
            return None;
        };
        Some(Self {
            client,
            ended: Duration::from_secs(seconds) + Duration::from_micros(micros),
            took: Duration::from_micros(took),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(log: &str) -> Result<Measured> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("transactions.17"), log).unwrap();
        let pgbench = Pgbench {
            program: PathBuf::new(),
            folder: folder.path().to_owned(),
        };
        let window = Window {
            warm_up: Duration::from_secs(1),
            measured: Duration::from_secs(2),
        };
        let measured = pgbench.read(window, Spent::default());
        pgbench.remove_logs().unwrap();
        assert!(pgbench.logs().unwrap().is_empty());
        measured
    }

    #[test]
    fn the_warm_up_is_not_counted() {
        let log = "0 1 1000 0 100 1000\n1 1 1000 0 100 2000\n0 2 3000 0 101 500000\n\
                   1 2 5000 0 102 700000\n1 3 7000 0 103 900000\n";
        let measured = read(log).unwrap();
        assert_eq!((measured.transactions, measured.latencies.count()), (5, 2));
        assert!((measured.latencies.percentiles().p50_ms - 3.0).abs() < 0.01);
        assert_eq!(measured.elapsed, Duration::from_secs(2));
    }

    #[test]
    fn counting_waits_until_every_client_is_warm() {
        let log = "0 1 1000 0 100 1000\n1 1 2000000 0 102 0\n0 2 1000 0 103 500000\n";
        let measured = read(log).unwrap();
        assert_eq!(measured.elapsed, Duration::from_millis(1500));
        let half = read("0 1 1000 0 100 1000\n1 1 2000000 0 102 0\n").unwrap();
        assert_eq!(half.elapsed, Duration::from_secs(1));
    }
}
