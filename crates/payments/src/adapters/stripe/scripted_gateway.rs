//! A test server that accepts one request per connection and answers it as scripted.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What to do with one request.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Answer with a status and a body.
    Answer(u16, String),
    /// Answer with these bytes, head included.
    Raw(String),
    /// Announce more bytes than are sent.
    Truncate,
    /// Reset the connection without an answer.
    Reset,
    /// Never answer.
    Hang,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Received {
    /// Method and path.
    pub(super) line: String,
    head: String,
    pub(super) body: String,
}

impl Received {
    /// Returns a header; pass the name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

pub(super) struct ScriptedGateway {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    server: AbortHandle,
}

impl ScriptedGateway {
    pub(super) async fn start(steps: impl IntoIterator<Item = Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let mut steps: VecDeque<Step> = steps.into_iter().collect();
        let log = Arc::clone(&received);
        let server = tokio::spawn(async move {
            let mut hanging = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let request = read(&mut stream).await;
                log.lock().unwrap().push(request);
                let step = steps.pop_front().expect("every request is in the script");
                hanging.extend(perform(stream.into_inner(), step).await);
            }
        });
        Self {
            address,
            received,
            server: server.abort_handle(),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for ScriptedGateway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Received {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        stream.read_line(&mut head).await.unwrap();
    }
    let line = head.lines().next().unwrap_or_default();
    let line = line.trim_end_matches(" HTTP/1.1").to_owned();
    let mut received = Received {
        line,
        head,
        body: String::new(),
    };
    let length = received.header("content-length").unwrap_or("0");
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    received.body = String::from_utf8(body).unwrap();
    received
}

/// Returns the connection if it must stay open.
async fn perform(mut stream: TcpStream, step: Step) -> Option<TcpStream> {
    let bytes = match step {
        Step::Answer(status, body) => format!(
            "HTTP/1.1 {status} X\r\nrequest-id: req_test\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ),
        Step::Raw(bytes) => bytes,
        Step::Truncate => {
            "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"id\":\"pi_1\",".to_owned()
        }
        Step::Reset => {
            stream.set_zero_linger().unwrap();
            return None;
        }
        Step::Hang => return Some(stream),
    };
    stream.write_all(bytes.as_bytes()).await.unwrap();
    None
}
