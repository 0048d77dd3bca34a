//! A network between a test and its database that can fall silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A proxy before a server. What it swallows stays connected and is acknowledged, and is never heard of again, as with a
/// server that is frozen or a firewall that forgets connections.
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
    /// The server hears its clients, and they don't hear it.
    answers_held: watch::Sender<bool>,
    /// Connections can be made, and no statement gets through.
    is_mute: AtomicBool,
}

impl SilentProxy {
    /// A proxy on a free port of this machine, before a server on another.
    ///
    /// # Panics
    /// When no port can be had.
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

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections it has accepted.
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// From now on nothing is heard of the connections that exist. New ones work.
    pub fn swallow_existing(&self) {
        self.state
            .swallowed
            .store(self.accepted(), Ordering::SeqCst);
    }

    /// From now on nothing is heard of any connection.
    pub fn swallow_all(&self) {
        self.state.swallowed.store(usize::MAX, Ordering::SeqCst);
    }

    /// From now on nothing gets through, and nothing is lost, as while every process of the server is stopped.
    pub fn freeze(&self) {
        self.state.frozen.send_replace(true);
    }

    /// What was held back gets through.
    pub fn thaw(&self) {
        self.state.frozen.send_replace(false);
    }

    /// From now on the server's answers are held back, and nothing else.
    pub fn hold_answers(&self) {
        self.state.answers_held.send_replace(true);
    }

    /// The answers that were held back get through.
    pub fn let_answers_go(&self) {
        self.state.answers_held.send_replace(false);
    }

    /// From now on clients are let in, and no statement of theirs gets through.
    pub fn swallow_statements(&self) {
        self.state.is_mute.store(true, Ordering::SeqCst);
    }

    /// New connections work again. Those that were swallowed stay so.
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
            // A connection that ends is the client's or the server's to notice.
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
        .context("the server is not there")?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        ended = pump(from_client, to_server, state, number, Sender::Client) => ended,
        ended = pump(from_server, to_client, state, number, Sender::Server) => ended,
    }
}

/// Who sends what a pump passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    Client,
    Server,
}

/// Whether a client sends this to be let in: its first message, or a password. It sends each of them by itself.
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
