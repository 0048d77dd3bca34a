//! A program that runs beside the test, and what it prints.

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

/// A program that is killed when this is dropped. When the test has failed, what it printed is shown.
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

/// How a program ended.
#[derive(Debug)]
pub struct Exit {
    /// Its status.
    pub status: ExitStatus,
    /// What it printed on standard output.
    pub stdout: String,
    /// What it printed on standard error.
    pub stderr: String,
}

impl Process {
    /// Starts it.
    ///
    /// # Panics
    /// When it can't be started.
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
            collect(child.stdout.take().expect("it is piped"), stdout.clone()),
            collect(child.stderr.take().expect("it is piped"), stderr.clone()),
        ];
        Self {
            name,
            child,
            stdout,
            stderr,
            readers,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn is_running(&mut self) -> bool {
        self.status().is_none()
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child is ours")
    }

    /// The lines of standard output until now.
    pub fn lines(&self) -> Vec<String> {
        lock(&self.stdout).clone()
    }

    /// What `find` finds in a line of standard output, once there is such a line.
    ///
    /// # Panics
    /// When the program ends before.
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

    /// Ends it immediately, as a power cut would.
    ///
    /// # Panics
    /// When it can't be ended.
    pub fn kill(&mut self) {
        self.child.kill().expect("the child is ours");
        self.child.wait().expect("the child is ours");
    }

    /// Asks it to stop.
    ///
    /// # Panics
    /// When it has ended.
    pub fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Stops it, as on a starved machine. Returns once all of its threads stand still.
    ///
    /// # Panics
    /// When it has ended.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
        let stopped = waitpid(self.pid(), Some(WaitPidFlag::WUNTRACED)).expect("it runs");
        assert_eq!(stopped, WaitStatus::Stopped(self.pid(), Signal::SIGSTOP));
    }

    /// Lets it go on.
    ///
    /// # Panics
    /// When it has ended.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it runs");
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.id().cast_signed())
    }

    /// Waits for it to end by itself.
    ///
    /// # Panics
    /// When it does not.
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
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let output = [&self.stdout, &self.stderr].map(|lines| lock(lines).join("\n"));
            eprintln!("--- {} said:\n{}", self.name, output.join("\n"));
        }
    }
}

fn collect(source: impl Read + Send + 'static, lines: Lines) -> JoinHandle<()> {
    thread::spawn(move || {
        let read = BufReader::new(source).lines().map_while(Result::ok);
        read.for_each(|line| lock(&lines).push(line));
    })
}

/// A program of this workspace, with nothing of the test's environment. It stands in the target folder, above that of the
/// test's own binary.
///
/// # Panics
/// When it was not built.
pub fn program(name: &str) -> Command {
    let binary = env::current_exe().expect("a test has a binary");
    let folder = binary
        .ancestors()
        .nth(2)
        .expect("binaries of tests are in `deps`");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is not there: run `cargo build --workspace --bins` first",
        path.display()
    );
    program_at(&path)
}

/// A program somewhere else, in the same way.
pub fn program_at(path: &Path) -> Command {
    let mut command = Command::new(path);
    // Above a temporary folder there is no .env.
    command.env_clear().current_dir(env::temp_dir());
    command
}
