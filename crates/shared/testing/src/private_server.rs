//! A PostgreSQL server for a single test, which can pause its processes.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use diesel::QueryableByName;
use diesel::sql_types::{Integer, Text};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use oms_database::{Connection, cached_sql};
use uuid::Uuid;

use crate::{PATIENCE, template};

/// A server for a single test. It uses the programs, the account and the libraries of the tests' server, which must run
/// on this machine. Dropping it stops the server and deletes its files.
pub struct PrivateServer {
    folder: PathBuf,
    postmaster: Child,
    url: String,
    account: (u32, u32),
}

/// Settings and files of a server, in addition to the defaults of the tests.
#[derive(Clone, Copy, Default)]
pub struct Setup<'a> {
    /// Settings, such as `ssl=on`.
    pub settings: &'a [&'a str],
    /// Files in its data folder, such as `pg_hba.conf`. Only the server's account can read them.
    pub files: &'a [(&'a str, &'a str)],
}

/// How the tests' server was started.
struct Original {
    programs: PathBuf,
    environment: Vec<(String, String)>,
    uid: u32,
    gid: u32,
}

impl PrivateServer {
    /// Creates and starts a server.
    ///
    /// # Panics
    /// If the programs of the tests' server can't be run. The message says why.
    pub async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    /// Creates and starts a server with settings and files. They must allow the superuser to log in without a password
    /// and without TLS.
    ///
    /// # Panics
    /// Like [`PrivateServer::start`].
    pub async fn start_with(setup: Setup<'_>) -> Self {
        Self::try_to_start(setup)
            .await
            .unwrap_or_else(|error| panic!("can't start a private server: {error:#}"))
    }

    async fn try_to_start(setup: Setup<'_>) -> anyhow::Result<Self> {
        let original = Original::find(&template::server_url()).await?;
        let folder = std::env::temp_dir().join(format!("oms-{}", Uuid::now_v7().simple()));
        fs::create_dir(&folder)?;
        chown(&folder, Some(original.uid), Some(original.gid))?;
        let data = folder.join("data");
        let mut initdb = original.command("initdb");
        let initdb = initdb
            .arg("-D")
            .arg(&data)
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8"])
            .args(["--locale=C.UTF-8", "--no-sync", "--no-instructions"]);
        let made = initdb.output()?;
        if !made.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&made.stderr));
        }
        let account = (original.uid, original.gid);
        for (name, text) in setup.files {
            write_for(account, &data.join(name), text)?;
        }
        let port = free_port()?;
        let mut server = Self {
            postmaster: original.start(&data, port, setup.settings)?,
            folder,
            url: format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            account,
        };
        server.wait_until_up().await?;
        Ok(server)
    }

    async fn wait_until_up(&mut self) -> anyhow::Result<()> {
        let since = Instant::now();
        loop {
            let refused = match Connection::establish(&self.url).await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            if let Some(status) = self.postmaster.try_wait()? {
                bail!("the server ended with {status}");
            }
            if since.elapsed() > PATIENCE {
                return Err(refused.into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns the URL of the superuser's maintenance database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the host and port of the server.
    pub fn address(&self) -> String {
        template::address_of(&self.url)
    }

    /// Writes files to the data folder, and returns once the server uses them for new connections.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn reload_with(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            let file = self.folder.join("data").join(name);
            write_for(self.account, &file, text).expect("the data folder is writable");
        }
        self.reload().await.expect("the server answers");
    }

    async fn reload(&self) -> anyhow::Result<()> {
        let before = self.loaded_at().await?;
        let mut connection = Connection::establish(&self.url).await?;
        connection.batch_execute("SELECT pg_reload_conf()").await?;
        let since = Instant::now();
        while self.loaded_at().await? == before {
            if since.elapsed() > PATIENCE {
                bail!("the server does not reload its configuration");
            }
        }
        Ok(())
    }

    /// Returns when the configuration of a new connection was loaded.
    async fn loaded_at(&self) -> anyhow::Result<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            at: String,
        }

        let mut connection = Connection::establish(&self.url).await?;
        let statement = cached_sql("SELECT pg_conf_load_time()::text AS at");
        let row: Row = statement.get_result(&mut connection).await?;
        Ok(row.at)
    }

    /// Pauses all processes of the server, as on a starved machine or during a live migration. The kernel still accepts
    /// connections and acknowledges data.
    ///
    /// # Panics
    /// If a process can't be paused.
    pub fn pause(&self) {
        // The postmaster is paused first, so that it starts no further process.
        self.signal(Signal::SIGSTOP);
    }

    /// Resumes all processes.
    ///
    /// # Panics
    /// If a process can't be resumed.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let postmaster = self.postmaster.id();
        send(postmaster, signal).expect("the server runs");
        for process in children_of(postmaster) {
            // The process may have ended in the meantime.
            let _ = send(process, signal);
        }
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        self.signal(Signal::SIGCONT);
        let _ = send(self.postmaster.id(), Signal::SIGQUIT);
        let _ = self.postmaster.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Original {
    /// Inspects the process that serves a connection to the server.
    async fn find(url: &str) -> anyhow::Result<Self> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Integer)]
            process: i32,
        }

        let mut connection = Connection::establish(url).await?;
        let statement = cached_sql("SELECT pg_backend_pid() AS process");
        let row: Row = statement.get_result(&mut connection).await?;
        let process = PathBuf::from(format!("/proc/{}", row.process));
        let account = fs::metadata(&process)
            .context("the server of OMS_TEST_DATABASE_URL is not on this machine")?;
        let program = fs::read_link(process.join("exe"))?;
        let programs = program
            .parent()
            .context("the program has no parent directory")?;
        Ok(Self {
            programs: programs.to_owned(),
            environment: environment_of(&process)?,
            uid: account.uid(),
            gid: account.gid(),
        })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .env_clear()
            .envs(self.environment.iter().cloned())
            .env("LC_ALL", "C")
            .current_dir("/");
        if nix::unistd::Uid::effective().is_root() {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    fn start(&self, data: &Path, port: u16, settings: &[&str]) -> io::Result<Child> {
        let mut postgres = self.command("postgres");
        postgres.arg("-D").arg(data).arg("-p").arg(port.to_string());
        let of_every_server = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "full_page_writes=off",
            "lc_messages=C",
        ];
        for setting in of_every_server.iter().chain(settings) {
            postgres.arg("-c").arg(setting);
        }
        postgres
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    }
}

/// Writes a file that only the server's account can read. PostgreSQL refuses a private key that others can read.
fn write_for((uid, gid): (u32, u32), file: &Path, text: &str) -> io::Result<()> {
    fs::write(file, text)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
    chown(file, Some(uid), Some(gid))
}

/// Returns the environment of a process, which may contain paths of unpacked libraries.
fn environment_of(process: &Path) -> io::Result<Vec<(String, String)>> {
    let environment = fs::read(process.join("environ"))?;
    let environment = String::from_utf8_lossy(&environment);
    let variables = environment
        .split('\0')
        .filter_map(|line| line.split_once('='));
    let is_ours = |name: &str| !name.starts_with("PG") && !name.starts_with("LC_");
    Ok(variables
        .filter(|(name, _)| is_ours(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn send(process: u32, signal: Signal) -> nix::Result<()> {
    kill(Pid::from_raw(process.cast_signed()), signal)
}

fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| parent_of(*id) == Some(parent)).collect()
}

fn parent_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name, in parentheses, may contain any characters.
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}
