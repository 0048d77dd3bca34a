//! Running other programs, with failures that say which program, and what it said.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, pipe};
use std::process::{Command, ExitStatus, Output, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use crate::report::{self, Progress};

/// How many last lines of a failed program's output are repeated in the error.
const TAIL_LINES: usize = 12;

/// Runs a program to its end and returns its standard output; fails with what it said on standard error.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    bail!(
        "{}",
        failure(
            command,
            output.status,
            if complaint.trim().is_empty() {
                &said
            } else {
                &complaint
            }
        )
    );
}

/// Whether a program exists and ends well; its output is of no interest.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok_and(|output| output.status.success())
}

/// Runs a program to its end, showing each line it prints as the step's detail; fails with its last lines.
pub(crate) fn follow(command: &mut Command, progress: &Progress) -> Result<String> {
    let (reader, writer) = pipe().context("no pipe could be opened")?;
    let error_writer = writer.try_clone().context("no pipe could be opened")?;
    command
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(error_writer);
    let mut child = command
        .spawn()
        .map_err(|error| not_started(command, error))?;
    // The command keeps the pipe's writing end; the reader below would wait for it for ever.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut tail = VecDeque::new();
    for line in BufReader::new(reader).lines() {
        let line = line.unwrap_or_else(|_| "(not text)".to_owned());
        progress.detail(&line);
        tail.push_back(line);
        if tail.len() > TAIL_LINES {
            tail.pop_front();
        }
    }
    let status = child
        .wait()
        .with_context(|| format!("waiting for {}", name_of(command)))?;
    let said = Vec::from(tail).join("\n");
    if status.success() {
        return Ok(said);
    }
    bail!("{}", failure(command, status, &said));
}

/// Runs a program whose output is the task's own output.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .map_err(|error| not_started(command, error))?;
    if status.success() {
        return Ok(());
    }
    bail!("{} ended with {}", name_of(command), describe(status));
}

/// Runs a program whose standard output is the task's own output, and looks at each of its lines.
pub(crate) fn show_and_read(command: &mut Command, mut read: impl FnMut(&str)) -> Result<()> {
    command.stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| not_started(command, error))?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            report::line(&line);
            read(&line);
        }
    }
    let status = child
        .wait()
        .with_context(|| format!("waiting for {}", name_of(command)))?;
    if status.success() {
        return Ok(());
    }
    bail!("{} ended with {}", name_of(command), describe(status));
}

/// How a program ended, in words.
pub(crate) fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}

/// A reason why a program could not be started, with the program's name.
pub(crate) fn not_started(command: &Command, error: std::io::Error) -> anyhow::Error {
    if error.kind() == ErrorKind::NotFound {
        return anyhow!("{} is not installed, or not on the PATH", name_of(command));
    }
    anyhow::Error::new(error).context(format!("{} could not be started", name_of(command)))
}

fn output(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| not_started(command, error))
}

fn failure(command: &Command, status: ExitStatus, said: &str) -> String {
    let lines: Vec<&str> = said.trim().lines().collect();
    let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
    let name = name_of(command);
    let ended = describe(status);
    if tail.is_empty() {
        format!("{name} ended with {ended}")
    } else {
        format!("{name} ended with {ended}:\n{tail}")
    }
}

fn name_of(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_program_is_named_with_what_it_said() {
        let error =
            capture(Command::new("sh").args(["-c", "echo no room >&2; exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "sh ended with exit code 3:\nno room");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = capture(&mut Command::new("no-such-program")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no-such-program is not installed, or not on the PATH"
        );
    }
}
