//! A program that runs during a test, and its output.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::eventually::eventually;

/// The variable with which `cargo xtask test` makes debug builds log the statements that they run.
const SQL_LOG: &str = "OMS_SQL_LOG";

/// A running program, which is killed on drop. If the test has failed, its output is printed.
pub struct Process {
    name: String,
    child: Child,
    stdout: Lines,
    stderr: Lines,
    readers: Vec<JoinHandle<()>>,
}

type Lines = Arc<Mutex<Vec<String>>>;

fn lock(lines: &Lines) -> MutexGuard<'_, Vec<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The result of a program.
#[derive(Debug)]
pub struct Exit {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Process {
    /// Starts a program.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn start(mut command: Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("can't start {name}: {error}"));
        let (stdout, stderr) = (Lines::default(), Lines::default());
        let readers = vec![
            collect(
                child.stdout.take().expect("the stream is piped"),
                stdout.clone(),
            ),
            collect(
                child.stderr.take().expect("the stream is piped"),
                stderr.clone(),
            ),
        ];
        Self {
            name,
            child,
            stdout,
            stderr,
            readers,
        }
    }

    /// Returns the process ID.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the program is still running.
    ///
    /// # Panics
    /// If the system can't tell.
    pub fn is_running(&mut self) -> bool {
        self.status().is_none()
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child is ours")
    }

    /// Returns the lines of standard output so far.
    pub fn lines(&self) -> Vec<String> {
        lock(&self.stdout).clone()
    }

    /// Waits for a line of standard output for which `find` returns a value, and returns the value.
    ///
    /// # Panics
    /// If the program ends first.
    pub async fn said<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        eventually(what, async || {
            let found = self.lines().iter().find_map(|line| find(line));
            if found.is_none()
                && let Some(status) = self.status()
            {
                panic!("{} ended with {status} before: {what}", self.name);
            }
            found
        })
        .await
    }

    /// Kills the program immediately, like a power cut.
    ///
    /// # Panics
    /// If it can't be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("the child is ours");
        self.child.wait().expect("the child is ours");
    }

    /// Sends SIGTERM.
    ///
    /// # Panics
    /// If the program has ended.
    pub fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Pauses the program, as on a starved machine. Returns once all of its threads are stopped.
    ///
    /// # Panics
    /// If the program has ended.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
        let stopped = waitpid(self.pid(), Some(WaitPidFlag::WUNTRACED)).expect("the program runs");
        assert_eq!(stopped, WaitStatus::Stopped(self.pid(), Signal::SIGSTOP));
    }

    /// Resumes the program.
    ///
    /// # Panics
    /// If the program has ended.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the program runs");
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.id().cast_signed())
    }

    /// Waits for the program to end by itself.
    ///
    /// # Panics
    /// If it does not end in time.
    pub async fn ended(&mut self) -> Exit {
        let what = format!("{} ends", self.name);
        let child = &mut self.child;
        let status = eventually(&what, async || child.try_wait().expect("the child is ours")).await;
        self.readers
            .drain(..)
            .for_each(|reader| reader.join().expect("a reader only reads"));
        Exit {
            status,
            stdout: lock(&self.stdout).join("\n"),
            stderr: lock(&self.stderr).join("\n"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The program may already have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let output = [&self.stdout, &self.stderr].map(|lines| lock(lines).join("\n"));
            eprintln!("--- output of {}:\n{}", self.name, output.join("\n"));
        }
    }
}

fn collect(source: impl Read + Send + 'static, lines: Lines) -> JoinHandle<()> {
    thread::spawn(move || {
        let read = BufReader::new(source).lines().map_while(Result::ok);
        read.for_each(|line| lock(&lines).push(line));
    })
}

/// Returns a command that runs a program of this workspace, without the test's environment except the directory for
/// the log of SQL statements. The program is in the target directory, above the directory of the test's binary.
///
/// # Panics
/// If it was not built.
pub fn program(name: &str) -> Command {
    let binary = env::current_exe().expect("a test has a binary");
    let folder = binary
        .ancestors()
        .nth(2)
        .expect("binaries of tests are in `deps`");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace --bins` first",
        path.display()
    );
    program_at(&path)
}

/// Like [`program`], for a program at another path.
pub fn program_at(path: &Path) -> Command {
    let mut command = Command::new(path);
    // No parent of the temporary directory contains a .env file.
    command.env_clear().current_dir(env::temp_dir());
    if let Some(folder) = env::var_os(SQL_LOG) {
        command.env(SQL_LOG, folder);
    }
    command
}
