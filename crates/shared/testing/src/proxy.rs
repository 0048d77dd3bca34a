//! A proxy between a test and its database that can fall silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A proxy in front of a server. A swallowed connection stays open and its data is acknowledged, but nothing is
/// forwarded, as with a frozen server or a firewall that drops its connection state.
pub struct SilentProxy {
    port: u16,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    accepted: AtomicUsize,
    /// Connections up to this number are swallowed.
    swallowed: AtomicUsize,
    frozen: watch::Sender<bool>,
    /// Requests are forwarded, but answers are held back.
    answers_held: watch::Sender<bool>,
    /// Connections are accepted, but statements are not forwarded.
    is_mute: AtomicBool,
}

impl SilentProxy {
    /// Starts a proxy on a free local port, in front of a server.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn before(server: String) -> Self {
        let listening = async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            let port = listener.local_addr()?.port();
            anyhow::Ok((listener, port))
        };
        let (listener, port) = listening.await.expect("a port is free");
        let state = Arc::new(State::default());
        let accepting = tokio::spawn(accept(listener, server, state.clone()));
        Self {
            port,
            state,
            accepting,
        }
    }

    /// Returns the port of the proxy.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the number of accepted connections.
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// Swallows the existing connections. New ones work.
    pub fn swallow_existing(&self) {
        self.state
            .swallowed
            .store(self.accepted(), Ordering::SeqCst);
    }

    /// Swallows all existing and new connections.
    pub fn swallow_all(&self) {
        self.state.swallowed.store(usize::MAX, Ordering::SeqCst);
    }

    /// Holds back all data without losing it, as if all processes of the server were paused.
    pub fn freeze(&self) {
        self.state.frozen.send_replace(true);
    }

    /// Forwards the data that was held back.
    pub fn thaw(&self) {
        self.state.frozen.send_replace(false);
    }

    /// Holds back the server's answers, and nothing else.
    pub fn hold_answers(&self) {
        self.state.answers_held.send_replace(true);
    }

    /// Forwards the answers that were held back.
    pub fn let_answers_go(&self) {
        self.state.answers_held.send_replace(false);
    }

    /// Accepts logins from now on, but forwards no statements.
    pub fn swallow_statements(&self) {
        self.state.is_mute.store(true, Ordering::SeqCst);
    }

    /// Makes new connections work again. Swallowed ones stay swallowed.
    pub fn heal(&self) {
        self.state.is_mute.store(false, Ordering::SeqCst);
        self.swallow_existing();
    }
}

impl Drop for SilentProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: String, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let number = state.accepted.fetch_add(1, Ordering::SeqCst) + 1;
        let (server, state) = (server.clone(), state.clone());
        tokio::spawn(async move {
            // The client or the server handles a closed connection.
            let _ = forward(client, &server, &state, number).await;
        });
    }
}

async fn forward(
    client: TcpStream,
    server: &str,
    state: &State,
    number: usize,
) -> anyhow::Result<()> {
    let server = TcpStream::connect(server)
        .await
        .context("can't connect to the server")?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        ended = pump(from_client, to_server, state, number, Sender::Client) => ended,
        ended = pump(from_server, to_client, state, number, Sender::Server) => ended,
    }
}

/// The sender of the data that a pump forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    Client,
    Server,
}

/// Whether data belongs to the login of a client: its first message, or a password. A client sends each of these
/// separately.
fn is_of_login(bytes: &[u8], is_first: bool) -> bool {
    is_first || bytes[0] == b'p'
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: &State,
    number: usize,
    sender: Sender,
) -> anyhow::Result<()> {
    let mut is_first = true;
    let mut buffer = vec![0; 16 * 1024];
    let mut frozen = state.frozen.subscribe();
    let mut answers_held = state.answers_held.subscribe();
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        frozen.wait_for(|is_frozen| !is_frozen).await?;
        if sender == Sender::Server {
            answers_held.wait_for(|is_held| !is_held).await?;
        }
        let is_swallowed = number <= state.swallowed.load(Ordering::SeqCst);
        let is_mute = sender == Sender::Client
            && state.is_mute.load(Ordering::SeqCst)
            && !is_of_login(&buffer[..read], is_first);
        is_first = false;
        if !is_swallowed && !is_mute {
            to.write_all(&buffer[..read]).await?;
        }
    }
}
