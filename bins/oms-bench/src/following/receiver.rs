//! A receiver of webhooks that answers immediately, and remembers when each event arrived.
//!
//! It reads only what it needs of a request, because it shares the machine with what is measured.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// An event that arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    /// The header `webhook-id`.
    pub(super) id: String,
    pub(super) at: Instant,
    /// The same time by the wall clock, which the database shares.
    pub(super) time: SystemTime,
}

/// A listening receiver. It stops when it is dropped.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    task: JoinHandle<()>,
}

impl Receiver {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("no free port")?;
        let arrivals = Arc::<Mutex<Vec<Arrival>>>::default();
        let address = listener.local_addr()?;
        let kept = arrivals.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let arrivals = kept.clone();
                tokio::spawn(async move {
                    // The sender reports a connection that breaks.
                    let _ = answer(stream, &arrivals).await;
                });
            }
        });
        Ok(Self {
            address,
            arrivals,
            task,
        })
    }

    /// How many events arrived.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Returns what has arrived, and forgets it.
    pub(super) fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arrival>> {
        self.arrivals.lock().expect("no task panics while counting")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers the requests of one connection.
async fn answer(mut stream: TcpStream, arrivals: &Mutex<Vec<Arrival>>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::with_capacity(8192);
    loop {
        while let Some((length, id)) = request(&read) {
            let arrival = Arrival {
                id,
                at: Instant::now(),
                time: SystemTime::now(),
            };
            keep(arrivals, arrival);
            read.drain(..length);
            stream.write_all(ANSWER).await?;
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
}

fn keep(arrivals: &Mutex<Vec<Arrival>>, arrival: Arrival) {
    let mut kept = arrivals.lock().expect("no task panics while counting");
    kept.push(arrival);
}

/// The length of the first request in a buffer and the ID of its event, once the whole request is there.
fn request(read: &[u8]) -> Option<(usize, String)> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&read[..end]).ok()?;
    let header = |wanted: &str| {
        let mut headers = head.lines().filter_map(|line| line.split_once(':'));
        let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.trim())
    };
    let length = end + header("content-length")?.parse::<usize>().ok()?;
    let id = header("webhook-id").unwrap_or_default().to_owned();
    (read.len() >= length).then_some((length, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_once_all_of_it_is_there() {
        let text = b"POST / HTTP/1.1\r\nWebhook-Id: evt_1_2\r\nContent-Length: 2\r\n\r\n{}POST";
        let whole = text.len() - 4;
        assert_eq!(request(text), Some((whole, "evt_1_2".to_owned())));
        assert_eq!(request(&text[..whole]), Some((whole, "evt_1_2".to_owned())));
        for length in 0..whole {
            assert_eq!(request(&text[..length]), None);
        }
    }
}
