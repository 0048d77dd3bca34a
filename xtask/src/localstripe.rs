//! localstripe, an independent fake of Stripe (<https://github.com/adrienverge/localstripe>), for a smoke test of our
//! adapter. It is a separate program under the GPL: installed from PyPI into `target`, run, and never shipped.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::command;
use crate::database;
use crate::http;
use crate::report::{self, Progress};
use crate::workspace::Workspace;

const VERSION: &str = "1.15.10";
/// Maximum wait until it answers.
const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(100);
/// A path that answers 200 without credentials.
const READY_PATH: &str = "/js.stripe.com/v3/";

/// A running localstripe. Dropping it kills the process, whose data nobody needs.
pub(crate) struct Localstripe {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Localstripe {
    /// Installs it if it is missing, and starts it.
    pub(crate) fn start(workspace: &Workspace) -> Result<Self> {
        let folder = workspace.target.join(format!("localstripe-{VERSION}"));
        report::step("localstripe installed", |progress| {
            install(&folder, progress)
        })?;
        report::step("localstripe ready", |_| {
            let mut running = Self::spawn(&folder)?;
            running.wait_until_ready()?;
            Ok(running)
        })
    }

    /// The address on which it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    fn spawn(folder: &Path) -> Result<Self> {
        let port = database::any_free_port()?;
        let log = folder.join("log");
        let written = || {
            let file = File::options().create(true).append(true).open(&log);
            file.with_context(|| format!("{} cannot be written", log.display()))
        };
        fs::write(&log, "").with_context(|| format!("{} cannot be written", log.display()))?;
        let mut localstripe = Command::new(folder.join("bin/localstripe"));
        localstripe
            .args(["--from-scratch", "--port"])
            .arg(port.to_string())
            .stdin(Stdio::null())
            .stdout(written()?)
            .stderr(written()?);
        let child = localstripe
            .spawn()
            .map_err(|error| command::not_started(&localstripe, error))?;
        Ok(Self { child, port, log })
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        // Nothing is ever sent, so receiving with a time-out is a pause.
        let (_sender, nothing) = channel::<()>();
        while !http::answers_ok(self.address(), READY_PATH) {
            let ended = self.child.try_wait().context("waiting for localstripe")?;
            if let Some(status) = ended {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                let last = said.lines().last().unwrap_or("(nothing)");
                bail!(
                    "localstripe ended with {}: {last}\nits full output is in {}",
                    command::describe(status),
                    self.log.display()
                );
            }
            if started.elapsed() > PATIENCE {
                bail!(
                    "localstripe did not answer within a minute: see {}",
                    self.log.display()
                );
            }
            let _ = nothing.recv_timeout(TICK);
        }
        Ok(())
    }
}

impl Drop for Localstripe {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Installs it into a virtual environment, unless an earlier installation was completed.
fn install(folder: &Path, progress: &Progress) -> Result<()> {
    let whole = folder.join("installed");
    if whole.exists() {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| {
            format!(
                "{} is left from an interrupted installation, and cannot be removed",
                folder.display()
            )
        })?;
    }
    make_environment("python3", folder, progress)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--disable-pip-version-check"])
        .arg(format!("localstripe=={VERSION}"));
    command::follow(&mut pip, progress)
        .context("localstripe could not be installed from PyPI: check the network")?;
    File::create(&whole)
        .with_context(|| format!("{} cannot be created", whole.display()))
        .map(drop)
}

fn make_environment(python: &str, folder: &Path, progress: &Progress) -> Result<()> {
    let mut venv = Command::new(python);
    venv.args(["-m", "venv"]).arg(folder);
    command::follow(&mut venv, progress)
        .map(drop)
        .map_err(|error| {
            anyhow!(
                "localstripe needs Python 3 with its modules venv and pip \
             (on Debian and Ubuntu: apt-get install python3 python3-venv): {error:#}"
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_without_python_names_the_packages_to_install() {
        let folder = tempfile::tempdir().unwrap();
        let venv = folder.path().join("venv");
        let made = report::step("test", |progress| {
            make_environment("no-such-python", &venv, progress)
        });
        let message = made.unwrap_err().to_string();
        assert!(
            message.contains("apt-get install python3 python3-venv"),
            "{message}"
        );
        assert!(
            message.contains("no-such-python is not installed"),
            "{message}"
        );
    }
}
