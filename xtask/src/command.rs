//! Runs other programs. Errors name the program and contain its output.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind, pipe};
use std::process::{Command, ExitStatus, Output, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use crate::report::{self, Progress};

/// Maximum number of the last output lines that an error repeats.
const TAIL_LINES: usize = 12;

/// Runs a program to its end and returns its standard output. An error contains its standard error.
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

/// Whether a program exists and succeeds. Its output is ignored.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok_and(|output| output.status.success())
}

/// Runs a program to its end and shows each line that it prints as the step's detail. An error contains its last lines.
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
    // The command keeps the pipe's writing end, so the reader below would wait forever.
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

/// Runs a program and shows its output.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .map_err(|error| not_started(command, error))?;
    if status.success() {
        return Ok(());
    }
    bail!("{} ended with {}", name_of(command), describe(status));
}

/// Runs a program, shows its standard output, and passes each line on.
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

/// Describes in words how a program ended.
pub(crate) fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}

/// The error for a program that could not be started, with its name.
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
    fn the_error_of_a_failed_program_has_its_name_and_output() {
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
