//! A private PostgreSQL cluster under the project. xtask creates it once, starts and stops it, and connects over TCP
//! only.
//!
//! xtask never uses a server that it did not start: a running server must report the cluster's own data folder.

mod settings;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::account::{Account, Medium, reachable_folder};
use super::installation::Installation;
use super::lock_file::LockFile;
use super::provision::{
    DATABASE, PASSWORD, ROLE, SUPERUSER, SUPERUSER_PASSWORD, application_url, provision,
};
use super::{Superuser, choice, port};
use crate::command;
use crate::report;
use crate::workspace::Workspace;
use settings::{COMMON, DURABLE, THROW_AWAY};

/// How long a server may take to start, stop or recover from a crash.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder of the tests' cluster.
const TESTS: &str = "test-postgres";

/// A cluster on disk, running or not.
pub(crate) struct Cluster {
    name: &'static str,
    folder: PathBuf,
    installation: Installation,
    account: Option<Account>,
    settings: String,
    pub(crate) port: u16,
}

impl Cluster {
    /// The cluster of the development database, on a fixed port.
    pub(super) fn development(workspace: &Workspace, port: u16) -> Result<Self> {
        Self::open(workspace, "postgres", Medium::Disk, COMMON.to_owned(), port)
    }

    /// The cluster of the tests: fast, not durable, in memory if there is room, on its current port or any free one.
    pub(crate) fn for_tests(workspace: &Workspace) -> Result<Self> {
        let settings = format!("{COMMON}{THROW_AWAY}");
        Self::on_any_port(workspace, TESTS, Medium::MemoryIfPossible, settings)
    }

    /// The cluster of the benchmarks: durable, on its current port or any free one.
    pub(crate) fn for_measuring(workspace: &Workspace) -> Result<Self> {
        let settings = format!("{COMMON}{DURABLE}");
        Self::on_any_port(workspace, "bench-postgres", Medium::Disk, settings)
    }

    fn on_any_port(
        workspace: &Workspace,
        name: &'static str,
        medium: Medium,
        settings: String,
    ) -> Result<Self> {
        let mut cluster = Self::open(workspace, name, medium, settings, 0)?;
        cluster.port = match cluster.lock_file() {
            Some(lock) if cluster.answers_as_ours(lock.port) => lock.port,
            _ => port::any_free()?,
        };
        Ok(cluster)
    }

    /// Stops the test server, if there is one.
    pub(crate) fn stop_server_of_tests(workspace: &Workspace) -> Result<()> {
        let made_folder = workspace.root.join(".oms");
        let places = [TESTS.to_owned(), format!("{TESTS}-folder")];
        if places.iter().any(|place| made_folder.join(place).exists()) {
            Self::for_tests(workspace)?.stop()?;
        }
        Ok(())
    }

    fn open(
        workspace: &Workspace,
        name: &'static str,
        medium: Medium,
        settings: String,
        port: u16,
    ) -> Result<Self> {
        let made_folder = workspace.made_folder()?;
        let account = Account::for_server()?;
        let (folder, account) = reachable_folder(&made_folder, name, medium, account)?;
        let data_major = fs::read_to_string(folder.join("data/PG_VERSION"))
            .ok()
            .and_then(|text| text.trim().parse().ok());
        let installation = choice::installation(&made_folder, data_major)?;
        Ok(Self {
            name,
            folder,
            installation,
            account,
            settings,
            port,
        })
    }

    /// Creates the application's role and its database with the extensions, but without tables, where they are missing.
    pub(crate) fn provision(&self) -> Result<()> {
        provision(self)
    }

    /// The URL of the application's role.
    pub(crate) fn application_url(&self) -> String {
        application_url(self.port)
    }

    /// One of PostgreSQL's programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.installation.bin.join(name)
    }

    /// Sets the library path of a command that runs PostgreSQL's programs.
    pub(crate) fn lend_libraries(&self, command: &mut Command) {
        self.installation.lend_libraries(command);
    }

    /// The URL of the superuser.
    pub(crate) fn superuser_url(&self) -> String {
        format!(
            "postgres://{SUPERUSER}:{SUPERUSER_PASSWORD}@127.0.0.1:{}/postgres",
            self.port
        )
    }

    /// Creates the cluster if it is missing, starts it if it is down, and waits until a connection works.
    pub(crate) fn up(&self) -> Result<()> {
        let name = self.name;
        if self.answers_as_ours(self.port) {
            report::line(&format!(
                "✓ {name}: PostgreSQL {} runs on port {}",
                self.installation.major, self.port
            ));
            return Ok(());
        }
        report::step(
            &format!(
                "{name}: PostgreSQL {} ready on port {}",
                self.installation.major, self.port
            ),
            |progress| {
                self.stop_on_another_port()?;
                if !port::is_free(self.port) {
                    return Err(self.port_taken());
                }
                if !self.data().join("PG_VERSION").exists() {
                    progress.detail("initdb");
                    self.make()?;
                }
                progress.detail("starting");
                self.start()?;
                self.wait_for_connection()
            },
        )
    }

    /// Stops the server and waits until it has stopped.
    pub(crate) fn stop(&self) -> Result<()> {
        self.remove_stale_lock()?;
        if self.lock_file().is_none() {
            report::line(&format!("✓ {}: not running", self.name));
            return Ok(());
        }
        report::step(&format!("{}: PostgreSQL stopped", self.name), |_| {
            self.pg_ctl_stop()
        })
    }

    /// Stops the server and removes all of its data.
    pub(crate) fn throw_away(&self) -> Result<()> {
        self.stop()?;
        fs::remove_dir_all(&self.folder)
            .with_context(|| format!("{} cannot be removed", self.folder.display()))
    }

    /// psql as the application's role.
    pub(super) fn application_psql(&self) -> Command {
        let mut psql = self.installation.command("psql");
        psql.env("PGPASSWORD", PASSWORD).env_remove("LC_ALL");
        psql.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-U",
            ROLE,
            "-d",
            DATABASE,
        ]);
        psql
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The log file of the server.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// One of the server's programs, run as the account that owns the data.
    fn server_command(&self, program: &str) -> Command {
        let mut command = self.installation.command(program);
        command.current_dir("/");
        if let Some(account) = &self.account {
            account.apply(&mut command);
        }
        command
    }

    /// Builds the data folder under another name and renames it, so that an interrupted initdb leaves no partial
    /// folder.
    fn make(&self) -> Result<()> {
        self.remove_partial_folders()?;
        let partial = self
            .folder
            .join(format!("data.partial-{}", std::process::id()));
        let advice = || {
            format!(
                "the cluster could not be created in {}: check disk space and permissions",
                self.folder.display()
            )
        };
        let mut initdb = self.server_command("initdb");
        initdb.arg("-D").arg(&partial).args([
            "-U",
            SUPERUSER,
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]);
        initdb
            .arg("--no-instructions")
            .arg("--pwfile")
            .arg(self.password_file()?);
        command::capture(&mut initdb).with_context(advice)?;
        let configuration = partial.join("postgresql.conf");
        let defaults = fs::read_to_string(&configuration).with_context(advice)?;
        fs::write(
            &configuration,
            format!("{defaults}\n# Written by cargo xtask.\n{}", self.settings),
        )
        .with_context(advice)?;
        fs::rename(&partial, self.data()).with_context(advice)
    }

    /// initdb reads the superuser's password from a file. The password is not a secret: the server listens on 127.0.0.1
    /// only.
    fn password_file(&self) -> Result<PathBuf> {
        let path = self.folder.join("superuser-password");
        fs::write(&path, SUPERUSER_PASSWORD)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    }

    fn remove_partial_folders(&self) -> Result<()> {
        let entries = fs::read_dir(&self.folder)
            .with_context(|| format!("{} cannot be read", self.folder.display()))?;
        for entry in entries.filter_map(Result::ok) {
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with("data.partial-")
            {
                let path = entry.path();
                let removed = if path.is_dir() {
                    fs::remove_dir_all(&path)
                } else {
                    fs::remove_file(&path)
                };
                removed.with_context(|| format!("{} cannot be removed", path.display()))?;
            }
        }
        Ok(())
    }

    fn start(&self) -> Result<()> {
        self.remove_stale_lock()?;
        let mut pg_ctl = self.server_command("pg_ctl");
        pg_ctl
            .arg("-D")
            .arg(self.data())
            .arg("-l")
            .arg(self.log())
            .args(["-w", "-t", "60"]);
        pg_ctl.args(["-o", &format!("-p {}", self.port), "start"]);
        command::capture(&mut pg_ctl)
            .map(drop)
            .map_err(|error| error.context(self.last_log_lines()))
    }

    fn pg_ctl_stop(&self) -> Result<()> {
        let mut pg_ctl = self.server_command("pg_ctl");
        pg_ctl
            .arg("-D")
            .arg(self.data())
            .args(["-m", "fast", "-w", "-t", "60", "stop"]);
        command::capture(&mut pg_ctl).map(drop)
    }

    /// Only a connection is proof: a server that pg_ctl reports as running may be recovering, or its process may be
    /// gone.
    #[expect(clippy::disallowed_methods, reason = "a pause between two attempts")]
    fn wait_for_connection(&self) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if self.answers_as_ours(self.port) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!(
            "no connection to 127.0.0.1:{} within a minute; {}",
            self.port,
            self.last_log_lines()
        )
    }

    /// Whether the server on this port accepts our superuser and has our data folder.
    fn answers_as_ours(&self, port: u16) -> bool {
        let Some(theirs) = self.data_directory_on(port) else {
            return false;
        };
        let canonical = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        canonical(&theirs) == canonical(&self.data())
    }

    fn data_directory_on(&self, port: u16) -> Option<PathBuf> {
        if port::is_free(port) {
            return None;
        }
        let mut psql = self.installation.superuser_psql(port, "postgres");
        let said = command::capture(psql.args(["-c", "SHOW data_directory"])).ok()?;
        Some(PathBuf::from(said.trim()))
    }

    fn port_taken(&self) -> anyhow::Error {
        match self.data_directory_on(self.port) {
            Some(folder) => port::taken(
                self.port,
                &format!("the PostgreSQL server of {}", folder.display()),
            ),
            None => port::taken(self.port, "another program"),
        }
    }

    /// Stops a server that still runs on the port of an earlier configuration.
    fn stop_on_another_port(&self) -> Result<()> {
        self.remove_stale_lock()?;
        match self.lock_file() {
            Some(lock) if lock.port != self.port => self.pg_ctl_stop(),
            // The server has our port and is alive but does not answer: it is starting or recovering. A second start
            // would fail.
            Some(_) => self.wait_for_connection(),
            None => Ok(()),
        }
    }

    /// After a crash of the machine, or where nothing reaps ended processes, a stale lock file may name a process that
    /// seems to be alive. PostgreSQL would refuse to start.
    fn remove_stale_lock(&self) -> Result<()> {
        let Some(lock) = self.lock_file() else {
            return Ok(());
        };
        if lock.is_held() {
            return Ok(());
        }
        LockFile::remove(&self.data())
    }

    fn lock_file(&self) -> Option<LockFile> {
        LockFile::read(&self.data())
    }

    fn last_log_lines(&self) -> String {
        let text = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(8)..].join("\n");
        format!(
            "the server's log ({}) ends:\n{tail}\n",
            self.log().display()
        )
    }
}

impl Superuser for Cluster {
    fn superuser_psql(&self, database: &str) -> Command {
        self.installation.superuser_psql(self.port, database)
    }
}
