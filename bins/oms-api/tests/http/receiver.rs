//! A service to which the API posts, which records the requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::eventually::eventually;

/// The behaviour of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Answers(u16),
    /// Accepts the request but never answers.
    Hangs,
}

/// A recorded request.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    /// By name in lower case.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

/// A service on its own port, until the test ends.
pub struct Receiver {
    pub url: String,
    manner: Arc<Mutex<Manner>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            manner: Arc::new(Mutex::new(manner)),
            received: Arc::default(),
        };
        let (manner, received) = (receiver.manner.clone(), receiver.received.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, manner.clone(), received.clone()));
            }
        });
        receiver
    }

    /// Changes the behaviour from now on.
    pub fn becomes(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Returns the recorded requests once there are this many.
    pub async fn has_received(&self, count: usize) -> Vec<Received> {
        eventually("the requests arrive", async || {
            let received = self.received();
            (received.len() >= count).then_some(received)
        })
        .await
    }
}

/// Serves one request after another until the client disconnects.
async fn serve(stream: TcpStream, manner: Arc<Mutex<Manner>>, received: Arc<Mutex<Vec<Received>>>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        received.lock().unwrap().push(request);
        let manner = *manner.lock().unwrap();
        match manner {
            Manner::Hangs => std::future::pending().await,
            Manner::Answers(status) => {
                let answer = format!("HTTP/1.1 {status} So be it\r\ncontent-length: 0\r\n\r\n");
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        match line.trim_end() {
            "" if lines.is_empty() => return None,
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let path = lines[0].split(' ').nth(1)?.to_owned();
    let headers: HashMap<String, String> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or("0", String::as_str);
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received {
        path,
        headers,
        body,
    })
}
