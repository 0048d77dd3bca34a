//! Receives Ctrl-C and SIGTERM as messages on a channel, and sends SIGTERM to child processes.

use std::process::Child;
use std::sync::mpsc::Sender;
use std::thread;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Sends `message` each time the user asks this program to end, instead of ending it immediately.
pub(crate) fn on_request_to_end<M: Clone + Send + 'static>(
    sender: Sender<M>,
    message: M,
) -> Result<()> {
    let mut signals =
        Signals::new([SIGHUP, SIGINT, SIGTERM]).context("signals cannot be watched")?;
    thread::spawn(move || {
        for _ in signals.forever() {
            if sender.send(message.clone()).is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// Asks a program to shut down. A program that has already ended is not an error.
pub(crate) fn ask_to_end(child: &Child) {
    if let Ok(id) = i32::try_from(child.id()) {
        // The child was not waited for yet, so its ID can't belong to another process.
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
    }
}
