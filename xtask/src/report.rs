//! The output of the tasks: one line per step with its duration, and progress for long steps.
//!
//! xtask prints everything through this module. Progress bars appear only in a terminal, and never if `CI` is set.

use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

use anyhow::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};

/// Shows that a quiet step is still running, and its current activity.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Replaces the detail shown beside the step's name.
    pub(crate) fn detail(&self, text: &str) {
        let short: String = text.trim().chars().take(70).collect();
        self.bar.set_message(short);
    }
}

/// Runs a step that prints nothing itself, and reports its outcome and time.
pub(crate) fn step<T, E>(name: &str, work: impl FnOnce(&Progress) -> Result<T, E>) -> Result<T, E> {
    let started = Instant::now();
    let progress = Progress { bar: spinner(name) };
    let outcome = work(&progress);
    progress.bar.finish_and_clear();
    outcome_line(name, started.elapsed(), outcome.is_ok());
    outcome
}

/// Runs a step that shows its own output (a build, a test run), and reports its outcome and time.
pub(crate) fn loud_step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    line(&format!("▸ {name}"));
    let started = Instant::now();
    let outcome = work();
    outcome_line(name, started.elapsed(), outcome.is_ok());
    outcome
}

/// Prints one line. If the reader is gone, this is ignored, so that no programs are left running.
pub(crate) fn line(text: &str) {
    let _ = writeln!(stdout(), "{text}");
}

/// Prints the error that ends the task on standard error.
pub(crate) fn problem(error: &Error) {
    eprintln!("error: {error:#}");
}

/// Whether to show progress bars and colours.
pub(crate) fn is_interactive() -> bool {
    stdout().is_terminal() && std::env::var_os("CI").is_none()
}

/// A duration for people: `0.4 s`, `72 s`.
pub(crate) fn seconds(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{seconds:.0} s")
    }
}

fn outcome_line(name: &str, elapsed: Duration, succeeded: bool) {
    let mark = if succeeded { '✓' } else { '✗' };
    line(&format!("{mark} {name} ({})", seconds(elapsed)));
}

fn spinner(name: &str) -> ProgressBar {
    if !is_interactive() {
        line(&format!("… {name}"));
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {prefix} ({elapsed}) {msg:.dim}")
        .expect("the template is a constant and valid");
    let bar = ProgressBar::new_spinner()
        .with_style(style)
        .with_prefix(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_have_a_unit() {
        assert_eq!(seconds(Duration::from_millis(2240)), "2.2 s");
        assert_eq!(seconds(Duration::from_secs(72)), "72 s");
    }
}
