//! The measured programs: started on their own ports, and stopped together with this one.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use hyper::Method;
use hyper::body::Bytes;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::http::Connection;
use crate::options::Gateway;

const START_PATIENCE: Duration = Duration::from_secs(30);
const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// How long the sandbox takes to confirm a payment. Preparing is immediate, so this is the whole wait of an order.
pub(crate) const GATEWAY_LATENCY_MS: u64 = 100;

/// A running program. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    /// The time from its start to its first 200.
    pub(crate) ready_after: Duration,
}

/// Where the programs are, and where they write.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) programs: PathBuf,
    pub(crate) output: PathBuf,
}

impl Places {
    /// Returns a link that signs in to the console once.
    pub(crate) async fn console_link(&self, database_url: &str) -> Result<String> {
        let output = Command::new(self.programs.join("oms-api"))
            .args(["console", "link", "--name", "bench"])
            .env("DATABASE_URL", database_url)
            .env("OMS_ENV", "development")
            .output()
            .await
            .context("could not run oms-api")?;
        ensure!(
            output.status.success(),
            "oms-api console link: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl Program {
    /// Starts the API on a database.
    pub(crate) async fn api(
        places: &Places,
        database_url: &str,
        gateway: Gateway,
        sandbox: Option<SocketAddr>,
    ) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(places.programs.join("oms-api"));
        command
            .arg("serve")
            .env("DATABASE_URL", database_url)
            .env("OMS_ENV", "development")
            .env("OMS_HOST", "127.0.0.1")
            .env("OMS_PORT", address.port().to_string())
            .env("OMS_METRICS_PORT", free_address()?.port().to_string())
            .env("OMS_LOG_FORMAT", "json")
            .env("OMS_PAYMENT_GATEWAY", gateway.of_the_api());
        if let Some(sandbox) = sandbox {
            command.env("OMS_STRIPE_API_URL", format!("http://{sandbox}"));
        }
        Self::start(
            command,
            &places.output.join("oms-api.log"),
            address,
            "/health/ready",
        )
        .await
    }

    /// Starts the sandbox gateway, with a delayed confirmation.
    pub(crate) async fn sandbox(places: &Places) -> Result<Self> {
        let address = free_address()?;
        let journal = places.output.join("payment-sandbox.journal");
        // Otherwise the sandbox would restore an earlier run's state.
        let _ = std::fs::remove_file(&journal);
        let mut command = Command::new(places.programs.join("payment-sandbox"));
        command
            .env("PAYMENT_SANDBOX_PORT", address.port().to_string())
            .env("PAYMENT_SANDBOX_STATE_FILE", &journal);
        let log = places.output.join("payment-sandbox.log");
        let sandbox = Self::start(command, &log, address, "/_sandbox/health").await?;
        let delay = json!({ "rules": [{
            "operation": "confirm", "action": { "type": "delay", "ms": GATEWAY_LATENCY_MS }, "times": null,
        }] });
        let mut connection = Connection::open(address).await?;
        let body = Bytes::from(delay.to_string());
        let (status, body) = connection
            .send(Method::POST, "/_sandbox/faults", None, body)
            .await?;
        if !status.is_success() {
            bail!(
                "the sandbox rejected the delay: {}",
                String::from_utf8_lossy(&body)
            );
        }
        Ok(sandbox)
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends SIGTERM, and waits for the end.
    pub(crate) async fn stop(mut self) -> Result<()> {
        if let Some(id) = self.id().and_then(|id| i32::try_from(id).ok()) {
            // The process has not been waited for, so its ID is not reused yet.
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        match timeout(STOP_PATIENCE, self.child.wait()).await {
            Ok(ended) => {
                let status = ended?;
                if !status.success() {
                    bail!("exited with {status}");
                }
            }
            Err(_) => bail!("still running {STOP_PATIENCE:?} after SIGTERM"),
        }
        Ok(())
    }

    async fn start(
        mut command: Command,
        log: &Path,
        address: SocketAddr,
        health: &str,
    ) -> Result<Self> {
        let file =
            File::create(log).with_context(|| format!("could not write {}", log.display()))?;
        let name = command.as_std().get_program().to_owned();
        let started = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("could not start {}", name.display()))?;
        let mut program = Self {
            child,
            address,
            ready_after: Duration::ZERO,
        };
        while !answers_ok(address, health).await {
            if let Some(status) = program.child.try_wait()? {
                bail!(
                    "{} exited with {status}; see {}",
                    name.display(),
                    log.display()
                );
            }
            if started.elapsed() > START_PATIENCE {
                bail!(
                    "{} was not ready within {START_PATIENCE:?}; see {}",
                    name.display(),
                    log.display()
                );
            }
            sleep(Duration::from_millis(2)).await;
        }
        program.ready_after = started.elapsed();
        Ok(program)
    }
}

async fn answers_ok(address: SocketAddr, path: &str) -> bool {
    let Ok(mut connection) = Connection::open(address).await else {
        return false;
    };
    let answered = connection.send(Method::GET, path, None, Bytes::new()).await;
    answered.is_ok_and(|(status, _)| status.is_success())
}

/// Returns an address on which nothing listens at the moment.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}
