//! Raw requests, for input that HTTP clients never send.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::eventually::DEADLINE;

/// A connection to the API.
pub struct RawConnection(TcpStream);

impl RawConnection {
    pub async fn open(url: &str) -> Self {
        let address = url.strip_prefix("http://").unwrap();
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// A connection with a small receive buffer, so that few unread bytes are in flight.
    pub async fn open_with_small_buffer(url: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let address = url.strip_prefix("http://").unwrap().parse().unwrap();
        Self(socket.connect(address).await.unwrap())
    }

    /// Reads some more bytes, and returns whether more may follow.
    pub async fn read_some(&mut self, bytes: &mut Vec<u8>, some: usize) -> bool {
        let enough = bytes.len() + some;
        while bytes.len() < enough {
            let read = in_time("the server continues", self.0.read_buf(bytes)).await;
            if read.unwrap() == 0 {
                return false;
            }
        }
        true
    }

    pub fn local_address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Sends as many bytes as the server accepts: it may answer and close the connection before it has read all of
    /// them.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// Closes the sending direction.
    pub async fn finish(&mut self) {
        let _ = self.0.shutdown().await;
    }

    /// Reads one answer that has a content length.
    pub async fn answer(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = async {
            while !is_whole(&bytes) {
                let read = self.0.read_buf(&mut bytes).await.unwrap();
                assert_ne!(read, 0, "the connection ends in the middle of an answer");
            }
        };
        in_time("the server answers", read).await;
        String::from_utf8(bytes).unwrap()
    }

    /// Returns the answer if the server sends one within a short time. An answer that never comes can't be detected
    /// otherwise.
    pub async fn answer_so_far(&mut self) -> Option<String> {
        let answered = tokio::time::timeout(Duration::from_millis(500), self.0.readable()).await;
        match answered {
            Ok(_) => Some(self.answer().await),
            Err(_) => None,
        }
    }

    /// Reads everything that the server sends until it closes the connection.
    pub async fn read_to_end(mut self) -> String {
        let mut bytes = Vec::new();
        // A server that closes with unread bytes resets the connection after its answer.
        let _ = in_time(
            "the server closes the connection",
            self.0.read_to_end(&mut bytes),
        )
        .await;
        String::from_utf8(bytes).unwrap()
    }

    /// Resets the connection, like a client that crashes or loses its network.
    pub fn reset(self) {
        SockRef::from(&self.0)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
}

async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(DEADLINE, work).await;
    done.unwrap_or_else(|_| panic!("did not happen: {what}"))
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let mut lengths = head
        .lines()
        .filter_map(|line| line.strip_prefix("content-length: "));
    let length = lengths.next().expect("an answer of known length");
    body.len() >= length.parse::<usize>().unwrap()
}

/// The head of a `POST /orders`. `framing` is the header that determines the length of the body.
pub fn head(key: &str, framing: &str) -> String {
    format!(
        "POST /orders HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         idempotency-key: {key}\r\n{framing}\r\n\r\n"
    )
}

/// A complete `POST /orders`.
pub fn post(key: &str, body: &str) -> String {
    let framing = format!("content-length: {}", body.len());
    head(key, &framing) + body
}

/// The status of an answer.
pub fn status(answer: &str) -> u16 {
    let status = answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    status
        .unwrap_or_else(|| panic!("no answer: {answer:?}"))
        .parse()
        .unwrap()
}
