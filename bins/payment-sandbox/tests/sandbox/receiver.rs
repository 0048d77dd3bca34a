//! A webhook endpoint that shows what it received and answers as the test says.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::sandbox::Sandbox;

pub(crate) const SECRET: &str = "whsec_of_a_test";

/// One request that arrived.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) text: String,
    pub(crate) event: Value,
}

impl Delivery {
    pub(crate) fn kind(&self) -> &str {
        self.event["type"].as_str().unwrap()
    }

    pub(crate) fn id(&self) -> &str {
        self.event["id"].as_str().unwrap()
    }

    pub(crate) fn signature(&self) -> &str {
        &self.headers["stripe-signature"]
    }
}

/// A listening endpoint.
pub(crate) struct Receiver {
    pub(crate) url: String,
    deliveries: UnboundedReceiver<Delivery>,
    answers: mpsc::Sender<u16>,
}

impl Receiver {
    /// Answers each request only after [`Receiver::answer`].
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        let (deliveries, received) = unbounded_channel();
        let (answers, told) = mpsc::channel();
        thread::spawn(move || {
            // Ends with the test, when no more answers can come.
            for stream in listener.incoming() {
                if serve(&stream.unwrap(), &deliveries, &told).is_none() {
                    return;
                }
            }
        });
        Self {
            url,
            deliveries: received,
            answers,
        }
    }

    /// Starts it and makes it the sandbox's endpoint.
    pub(crate) async fn of(sandbox: &Sandbox) -> Self {
        let receiver = Self::start();
        receiver.attach(sandbox).await;
        receiver
    }

    pub(crate) async fn attach(&self, sandbox: &Sandbox) {
        let body = json!({"url": self.url, "secret": SECRET, "backoffMs": 1, "tries": 3});
        let answer = sandbox.control("webhooks", &body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    /// Returns the next request, which waits for its answer.
    pub(crate) async fn next(&mut self) -> Delivery {
        self.deliveries.recv().await.unwrap()
    }

    /// Answers the request that waits, or the next one.
    pub(crate) fn answer(&self, status: u16) {
        self.answers.send(status).unwrap();
    }

    /// Returns the next request, answered with 200.
    pub(crate) async fn accept(&mut self) -> Delivery {
        let delivery = self.next().await;
        self.answer(200);
        delivery
    }

    /// Returns the types of this many requests, each answered with 200.
    pub(crate) async fn accept_kinds(&mut self, number: usize) -> Vec<String> {
        let mut kinds = Vec::new();
        for _ in 0..number {
            kinds.push(self.accept().await.kind().to_owned());
        }
        kinds
    }
}

fn serve(
    mut stream: &TcpStream,
    deliveries: &UnboundedSender<Delivery>,
    told: &mpsc::Receiver<u16>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let lines = reader.by_ref().lines().map(Result::unwrap);
    let headers: BTreeMap<String, String> = lines
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_lowercase(), value.to_owned()))
        })
        .collect();
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let text = String::from_utf8(body).unwrap();
    let event = serde_json::from_str(&text).unwrap();
    let delivery = Delivery {
        headers,
        text,
        event,
    };
    deliveries.send(delivery).ok()?;
    let status = told.recv().ok()?;
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    // The sandbox may have been killed meanwhile.
    let _ = stream.write_all(answer.as_bytes());
    Some(())
}
