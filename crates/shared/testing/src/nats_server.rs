//! A NATS server with JetStream for a single test, which can be killed.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use uuid::Uuid;

use crate::eventually::until;

/// A server on a port and a folder of its own. Dropping it kills the server and deletes its files.
pub struct NatsServer {
    folder: PathBuf,
    port: u16,
    child: Child,
}

impl NatsServer {
    /// Starts a server.
    ///
    /// # Panics
    /// If `nats-server` is not installed.
    pub async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("oms-{}", Uuid::now_v7().simple()));
        let port = free_port().expect("there is a free port");
        let child = run(&folder, port).expect("nats-server is installed");
        let server = Self {
            folder,
            port,
            child,
        };
        server.wait_until_up().await;
        server
    }

    /// The URL.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills the server, like `kill -9`. Its files stay.
    ///
    /// # Panics
    /// If it can't be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server ends");
    }

    /// The process ID.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process of a server that another task uses.
    ///
    /// # Panics
    /// If there is no such process.
    pub fn kill_process(id: u32) {
        let id = i32::try_from(id).expect("a process ID");
        kill(Pid::from_raw(id), Signal::SIGKILL).expect("the server can be killed");
    }

    /// Starts the server again, on the same port and with the same files.
    ///
    /// # Panics
    /// If it can't be started.
    pub async fn restart(&mut self) {
        self.child = run(&self.folder, self.port).expect("nats-server is installed");
        self.wait_until_up().await;
    }

    async fn wait_until_up(&self) {
        let address = (Ipv4Addr::LOCALHOST, self.port);
        until("the NATS server listens", async || {
            TcpStream::connect(address).is_ok()
        })
        .await;
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn run(folder: &PathBuf, port: u16) -> anyhow::Result<Child> {
    Command::new("nats-server")
        .args(["--addr", "127.0.0.1", "--port", &port.to_string()])
        .args(["--jetstream", "--store_dir"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("can't start nats-server")
}

fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
