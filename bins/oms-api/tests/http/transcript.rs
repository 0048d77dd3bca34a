//! Markdown transcripts: commands with their printed answers, and a check that the answers are still correct.
//!
//! In a block of kind `console`, a line that begins with `$ ` starts a command, which continues on the next lines while
//! the shell would consider it incomplete. The text up to the next command is its answer.
//!
//! Answers must match exactly, except for values that always differ. A printed UUID stands for the UUID in its place,
//! and for the same one wherever it is printed again, also in later commands. An RFC 3339 time stands for any time.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use chrono::DateTime;
use uuid::Uuid;

/// Printed by the shell after each answer.
const END: &str = "-- end of the answer --";

/// A command, and its printed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub command: String,
    pub answer: String,
}

/// The steps in the blocks of a text.
pub fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for block in text.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let mut lines = block.lines().peekable();
        while let Some(line) = lines.next() {
            let mut command = line.strip_prefix("$ ").unwrap().to_owned();
            while !is_complete(&command) {
                command += "\n";
                command += lines.next().unwrap();
            }
            let mut answer = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                answer.push(line);
            }
            steps.push(Step {
                command,
                answer: answer.join("\n"),
            });
        }
    }
    steps
}

/// Simplified shell grammar that is sufficient for transcripts: a command is incomplete while a single quote is open or
/// its last line ends in a backslash.
fn is_complete(command: &str) -> bool {
    command.matches('\'').count().is_multiple_of(2) && !command.ends_with('\\')
}

/// The IDs of a transcript, and the actual IDs that they stand for.
#[derive(Debug, Default)]
pub struct Ids(BTreeMap<String, String>);

impl Ids {
    /// The command with the actual IDs.
    pub fn replace(&self, command: &str) -> String {
        let replaced = words(command).map(|word| self.0.get(word).map_or(word, String::as_str));
        replaced.collect()
    }

    /// Compares an answer with the printed one, and remembers which IDs stand for which.
    ///
    /// # Errors
    /// The first two words that differ.
    pub fn compare(&mut self, printed: &str, answer: &str) -> Result<(), (String, String)> {
        let (mut printed, mut answer) = (words(printed), words(answer));
        loop {
            let (expected, found) = match (printed.next(), answer.next()) {
                (None, None) => return Ok(()),
                (expected, found) => (expected.unwrap_or_default(), found.unwrap_or_default()),
            };
            let is_same = match (is_id(expected), is_time(expected)) {
                (true, _) if is_id(found) => self.stands_for(expected, found),
                (_, true) => is_time(found),
                _ => expected == found,
            };
            if !is_same {
                return Err((expected.to_owned(), found.to_owned()));
            }
        }
    }

    /// Whether the two correspond, one to one in both directions.
    fn stands_for(&mut self, printed: &str, found: &str) -> bool {
        let is_taken = |(other, is): (&String, &String)| is == found && other != printed;
        if self.0.iter().any(is_taken) {
            return false;
        }
        let known = self.0.entry(printed.to_owned());
        known.or_insert_with(|| found.to_owned()) == found
    }
}

/// Splits a text into possible IDs or times and the text between them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let of_a_word = |c: char| c.is_ascii_alphanumeric() || "-:.".contains(c);
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest.find(|c| of_a_word(c) != of_a_word(first));
        let (word, others) = rest.split_at(end.unwrap_or(rest.len()));
        rest = others;
        Some(word)
    })
}

fn is_id(word: &str) -> bool {
    word.len() == 36 && Uuid::try_parse(word).is_ok()
}

fn is_time(word: &str) -> bool {
    DateTime::parse_from_rfc3339(word).is_ok()
}

/// A shell that keeps its variables and functions between commands.
pub struct Shell {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Shell {
    /// Starts `bash`.
    pub fn start(mut bash: Command) -> Self {
        let bash = bash.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = bash.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "exec 2>&1").unwrap();
        Self {
            input,
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Runs a command to its end, and returns its output.
    pub fn run(&mut self, command: &str) -> String {
        writeln!(self.input, "{command}\necho; echo '{END}'").unwrap();
        let mut printed = Vec::new();
        for line in self.output.by_ref().lines() {
            let line = line.unwrap();
            if line == END {
                return printed.join("\n").trim_end().to_owned();
            }
            printed.push(line);
        }
        panic!("the shell ended at {command}: {printed:?}");
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_step_is_a_command_with_its_answer() {
    let text = "x\n```console\n$ a \\\n  b\n1\n\n2\n$ c -d '{\n}'\n```\n```json\n$ no\n```\n";
    let step = |command: &str, answer: &str| Step {
        command: command.to_owned(),
        answer: answer.to_owned(),
    };
    assert_eq!(
        steps(text),
        [step("a \\\n  b", "1\n\n2"), step("c -d '{\n}'", "")]
    );
}

#[test]
fn only_ids_and_times_may_differ() {
    let (a, b, c) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    let mut ids = Ids::default();
    let at = |time: &str| format!("{{\"id\":\"{a}\",\"at\":\"{time}\"}}");
    let found = format!("{{\"id\":\"{b}\",\"at\":\"2027-01-02T03:04:05.6Z\"}}");
    assert_eq!(ids.compare(&at("2026-11-26T01:35:56Z"), &found), Ok(()));
    assert_eq!(
        ids.replace(&format!("get /x/{a}?{c}")),
        format!("get /x/{b}?{c}")
    );
    for (printed, found) in [
        (a.to_string(), c.to_string()),
        (c.to_string(), b.to_string()),
        ("2026-11-26T01:35:56Z".to_owned(), "soon".to_owned()),
        ("is 1".to_owned(), "is 2".to_owned()),
        ("is".to_owned(), "is 2".to_owned()),
        ("is 2".to_owned(), "is".to_owned()),
        (c.to_string(), "none".to_owned()),
    ] {
        assert!(ids.compare(&printed, &found).is_err(), "{printed} {found}");
    }
}
