//! Sends to receivers on this machine, with names that lead where a test says.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A receiver that gives each request the next of its answers; `None` closes the connection.
struct Receiver {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

async fn receiver(answers: Vec<Option<&'static str>>) -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let receiver = Receiver {
        address: listener.local_addr().unwrap(),
        connections: Arc::default(),
        requests: Arc::default(),
    };
    let (connections, requests) = (receiver.connections.clone(), receiver.requests.clone());
    let mut answers = answers.into_iter();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::SeqCst);
            while let Some(request) = read_request(&mut socket).await {
                requests.lock().unwrap().push(request);
                match answers.next().flatten() {
                    Some(answer) => socket.write_all(answer.as_bytes()).await.unwrap(),
                    None => break,
                }
            }
        }
    });
    receiver
}

async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let length = socket.read(&mut chunk).await.ok()?;
        if length == 0 {
            return None;
        }
        read.extend_from_slice(&chunk[..length]);
        let text = String::from_utf8_lossy(&read);
        if let Some((_, body)) = text.split_once("\r\n\r\n")
            && body.len() == BODY.len()
        {
            return Some(text.into_owned());
        }
    }
}

const BODY: &str = r#"{"type":"order.paid"}"#;

/// Gives the next list of addresses at each look-up, and then the last one again.
struct Scripted(Mutex<Vec<Vec<SocketAddr>>>);

#[async_trait]
impl LookUp for Scripted {
    async fn look_up(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let mut script = self.0.lock().unwrap();
        if name == "unknown.example" {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(match script.len() {
            1 => script[0].clone(),
            _ => script.remove(0),
        })
    }
}

const INTERNAL: &str = "127.0.0.0/8";

fn sender(allowed: &[&str], script: Vec<Vec<SocketAddr>>) -> (Sender, AddressRules) {
    sender_with(allowed, Arc::new(Scripted(Mutex::new(script))))
}

fn sender_with(allowed: &[&str], look_up: Arc<dyn LookUp>) -> (Sender, AddressRules) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let networks = allowed.iter().map(|network| network.parse().unwrap());
    let rules = AddressRules::allowing(networks.collect());
    let config = SenderConfig {
        timeout: Duration::from_secs(60),
        rules: rules.clone(),
        look_up,
        proxy: None,
    };
    (Sender::new(&config).unwrap(), rules)
}

async fn send(sender: &Sender, rules: &AddressRules, url: &str) -> Sent {
    let url = EndpointUrl::parse(url, rules).unwrap();
    let webhook = Webhook {
        replay: None,
        url: &url,
        id: "evt_1_2",
        timestamp: 1_700_000_000,
        signature: "v1,abc",
        body: BODY.into(),
    };
    sender.send(webhook).await
}

async fn answered(answer: &'static str) -> Sent {
    let receiver = receiver(vec![Some(answer)]).await;
    let (sender, rules) = sender(&[INTERNAL], vec![vec![]]);
    send(
        &sender,
        &rules,
        &format!("http://{}/hook", receiver.address),
    )
    .await
}

#[tokio::test]
async fn a_webhook_has_the_headers_of_the_standard_and_connections_are_reused() {
    let ok = "HTTP/1.1 204 No Content\r\n\r\n";
    let receiver = receiver(vec![Some(ok), Some(ok)]).await;
    let (sender, rules) = sender(&[INTERNAL], vec![vec![receiver.address]]);
    let url = format!("http://erp.internal:{}/hook?key=1", receiver.address.port());
    for _ in 0..2 {
        let sent = send(&sender, &rules, &url).await;
        assert_eq!((sent.outcome, sent.status), (Outcome::Delivered, Some(204)));
    }
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 1);
    let requests = receiver.requests.lock().unwrap();
    let request = requests[0].to_lowercase();
    for line in [
        "post /hook?key=1 http/1.1\r\n",
        "\r\ncontent-type: application/json\r\n",
        "\r\nwebhook-id: evt_1_2\r\n",
        "\r\nwebhook-timestamp: 1700000000\r\n",
        "\r\nwebhook-signature: v1,abc\r\n",
        "\r\nuser-agent: oms/",
    ] {
        assert!(request.contains(line), "{line} is missing in {request}");
    }
}

#[tokio::test]
async fn the_status_and_the_beginning_of_an_answer_are_kept() {
    let sent =
        answered("HTTP/1.1 422 No\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nno\0!").await;
    let outcome = Outcome::Answered {
        status: 422,
        retry_after: Some(Duration::from_secs(7)),
    };
    assert_eq!((sent.outcome, sent.status), (outcome, Some(422)));
    assert_eq!(sent.answer, "no\u{fffd}!");
}

#[tokio::test]
async fn an_endless_answer_is_read_up_to_its_limit() {
    let answer: &'static str = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n{}",
        "é".repeat(MAX_ANSWER)
    )
    .leak();
    let sent = answered(answer).await;
    assert_eq!(sent.outcome, Outcome::Delivered);
    assert_eq!(sent.answer, "é".repeat(KEPT_ANSWER / 2));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let sent =
        answered("HTTP/1.1 307 See\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")
            .await;
    assert_eq!(sent.status, Some(307));
}

#[tokio::test]
async fn a_date_in_retry_after_is_understood() {
    let sent = answered(
        "HTTP/1.1 503 Later\r\nretry-after: Fri, 31 Dec 2100 23:59:59 GMT\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let Outcome::Answered { retry_after, .. } = sent.outcome else {
        panic!("not an answer: {sent:?}");
    };
    assert!(retry_after > Some(Duration::from_secs(86_400)));
}

#[tokio::test]
async fn a_connection_that_is_closed_without_an_answer_is_a_failure() {
    let receiver = receiver(vec![None]).await;
    let (sender, rules) = sender(&[INTERNAL], vec![vec![]]);
    let sent = send(&sender, &rules, &format!("http://{}/", receiver.address)).await;
    assert_eq!(sent.outcome, Outcome::Failed(Failure::Closed));
    assert_eq!(receiver.requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_port_at_which_nobody_listens_is_a_failure_to_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (sender, rules) = sender(&[INTERNAL], vec![vec![]]);
    let sent = send(&sender, &rules, &format!("http://{address}/")).await;
    assert_eq!(sent.outcome, Outcome::Failed(Failure::Connect));
}

#[tokio::test]
async fn a_receiver_that_speaks_no_tls_is_reported_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    let (sender, rules) = sender(&[INTERNAL], vec![vec![]]);
    let sent = send(&sender, &rules, &format!("https://{address}/")).await;
    assert_eq!(sent.outcome, Outcome::Failed(Failure::Tls));
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_reported_as_such() {
    let (sender, rules) = sender(&[], vec![vec![]]);
    for name in ["unknown.example", "empty.example"] {
        let sent = send(&sender, &rules, &format!("https://{name}/")).await;
        assert_eq!(sent.outcome, Outcome::Failed(Failure::Dns));
    }
}

#[tokio::test]
async fn a_name_that_comes_to_lead_to_a_private_address_is_not_called() {
    let receiver = receiver(vec![]).await;
    let public: SocketAddr = "8.8.8.8:0".parse().unwrap();
    let look_up: Arc<dyn LookUp> = Arc::new(Scripted(Mutex::new(vec![
        vec![public],
        vec![receiver.address],
    ])));
    let (sender, rules) = sender_with(&[], look_up.clone());
    let checked = GuardedResolver {
        look_up,
        rules: rules.clone(),
    };
    assert_eq!(
        checked.addresses("rebinds.example").await.unwrap(),
        [public]
    );
    let url = format!("https://rebinds.example:{}/", receiver.address.port());
    let sent = send(&sender, &rules, &url).await;
    assert_eq!(sent.outcome, Outcome::Failed(Failure::AddressNotAllowed));
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn of_several_addresses_only_the_allowed_ones_are_used() {
    let resolver = GuardedResolver {
        look_up: Arc::new(Scripted(Mutex::new(vec![vec![
            ([10, 0, 0, 1], 0).into(),
            ([8, 8, 8, 8], 0).into(),
        ]]))),
        rules: AddressRules::default(),
    };
    let addresses = resolver.addresses("both.example").await.unwrap();
    assert_eq!(addresses, [SocketAddr::from(([8, 8, 8, 8], 0))]);
}

#[tokio::test]
async fn plain_http_reaches_only_networks_that_the_operator_allows() {
    let (sender, rules) = sender(&[INTERNAL], vec![vec![([8, 8, 8, 8], 0).into()]]);
    let sent = send(&sender, &rules, "http://example.com:8080/").await;
    assert_eq!(sent.outcome, Outcome::Failed(Failure::AddressNotAllowed));
}

#[tokio::test]
async fn an_address_is_judged_again_when_it_is_called() {
    let wide = AddressRules::allowing(vec![INTERNAL.parse().unwrap()]);
    let (sender, _) = sender(&[], vec![vec![]]);
    let sent = send(&sender, &wide, "http://127.0.0.1:8080/").await;
    assert_eq!(sent.outcome, Outcome::Failed(Failure::AddressNotAllowed));
}
