//! Tests of the Nominatim adapter against a scripted server.

use std::error::Error;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oms_circuit_breaker::{BreakerConfig, BreakerState};
use oms_geocoding::adapters::{Nominatim, NominatimConfig, NominatimError};
use oms_geocoding::{Address, Coordinates, GeocodeError, Geocoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

const ATLANTA: &str = r#"[{"lat": "33.7578", "lon": "-84.3876", "display_name": "Atlanta"}]"#;

/// The server's reaction to a request.
#[derive(Clone)]
enum Script {
    /// Hangs for addresses that contain this text, and finds all others.
    HangOn(&'static str),
    Answer(u16, String),
    /// A truncated answer.
    Truncate,
    Hang,
}

struct Server {
    url: String,
    /// The heads of the requests so far.
    requests: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<Script>>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            url: format!("http://{}/geo", listener.local_addr().unwrap()),
            requests: Arc::default(),
            script: Arc::new(Mutex::new(script)),
        };
        let (requests, script) = (Arc::clone(&server.requests), Arc::clone(&server.script));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&requests), Arc::clone(&script)));
            }
        });
        server
    }

    fn now(&self, script: Script) {
        *self.script.lock().unwrap() = script;
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Creates a client that opens its breaker after three failures.
    fn client(&self, timeout: Duration) -> Nominatim {
        let breaker = BreakerConfig {
            failures: 3,
            cool_down: Duration::from_secs(3600),
            ..BreakerConfig::default()
        };
        client(&NominatimConfig {
            connect_timeout: LONG,
            timeout,
            breaker,
            ..NominatimConfig::new(&self.url)
        })
    }
}

async fn serve(
    mut stream: TcpStream,
    requests: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<Script>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    requests.lock().unwrap().push(head.clone());
    let script = script.lock().unwrap().clone();
    let (status, length, body) = match script {
        Script::Answer(status, body) => (status, body.len(), body),
        Script::Truncate => (200, 500, "[".to_owned()),
        Script::HangOn(text) if !head.contains(text) => (200, ATLANTA.len(), ATLANTA.to_owned()),
        Script::Hang | Script::HangOn(_) => return pending().await,
    };
    let answer = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    // A client may close the connection before the end of the answer.
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn client(config: &NominatimConfig) -> Nominatim {
    // Another test of this process may already have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Nominatim::new(config).unwrap()
}

fn answer(status: u16, body: &str) -> Script {
    Script::Answer(status, body.to_owned())
}

const LONG: Duration = Duration::from_secs(60);

async fn ask(client: &Nominatim) -> Result<Coordinates, GeocodeError> {
    ask_for(client, Uuid::nil(), "Secret St & 5, München").await
}

async fn ask_for(
    client: &Nominatim,
    tenant: Uuid,
    address: &str,
) -> Result<Coordinates, GeocodeError> {
    let address = Address::new(address).unwrap();
    client.locate(tenant, &address).await
}

/// The whole chain of causes.
fn causes(error: &GeocodeError) -> String {
    let mut text = format!("{error:?} {error}");
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[tokio::test]
async fn a_known_address_is_found() {
    let server = Server::start(answer(200, ATLANTA)).await;
    let found = ask(&server.client(LONG)).await.unwrap();
    assert_eq!(found, Coordinates::new(33.7578, -84.3876).unwrap());

    let request = server.requests().remove(0).to_ascii_lowercase();
    let target = "get /geo/search?q=secret+st+%26+5%2c+m%c3%bcnchen&format=jsonv2&limit=1 http/1.1";
    assert!(request.starts_with(target), "{request}");
    assert!(request.contains("\r\nuser-agent: oms/"), "{request}");
}

#[tokio::test]
async fn unknown_addresses_never_open_the_breaker() {
    let server = Server::start(answer(200, "[]")).await;
    let client = server.client(LONG);
    let unknown = [
        answer(200, "[]"),
        answer(400, "[]"),
        answer(404, r#"{"error": "Unable to geocode"}"#),
        answer(414, ""),
        answer(422, ""),
    ];
    for script in unknown {
        server.now(script);
        for _ in 0..10 {
            assert!(matches!(ask(&client).await, Err(GeocodeError::NotFound)));
        }
    }
    assert_eq!(server.requests().len(), 50);
    assert!(client.is_available());
    server.now(answer(200, ATLANTA));
    assert!(ask(&client).await.is_ok());
}

#[tokio::test]
async fn other_answers_mean_unavailable_and_errors_do_not_contain_the_address() {
    let server = Server::start(Script::Truncate).await;
    let scripts = [
        Script::Truncate,
        answer(500, "[]"),
        answer(429, "[]"),
        answer(403, "[]"),
        answer(302, "[]"),
        // A wrong path.
        answer(404, "<html>"),
        answer(404, "{}"),
        answer(200, "Secret St <html>"),
        answer(200, r#"["Secret St"]"#),
        answer(200, r#"[{"lat": "99", "lon": "0"}]"#),
        answer(200, &format!("[{}]", " ".repeat(70_000))),
    ];
    for script in scripts {
        server.now(script);
        let error = ask(&server.client(LONG)).await.unwrap_err();
        assert!(matches!(error, GeocodeError::Unavailable(_)));
        assert!(!causes(&error).contains("Secret"), "{}", causes(&error));
    }
}

#[tokio::test]
async fn a_hanging_service_is_unavailable_and_the_error_does_not_contain_the_address() {
    let server = Server::start(Script::Hang).await;
    let error = ask(&server.client(Duration::from_millis(50)))
        .await
        .unwrap_err();
    assert!(matches!(error, GeocodeError::Unavailable(_)));
    assert!(!causes(&error).contains("Secret"), "{}", causes(&error));
}

#[tokio::test]
async fn an_unreachable_service_is_unavailable() {
    // A reserved port on which no web server listens.
    let url = "http://127.0.0.1:1";
    let error = ask(&client(&NominatimConfig::new(url))).await.unwrap_err();
    assert!(matches!(error, GeocodeError::Unavailable(_)));
    assert!(!causes(&error).contains("Secret"), "{}", causes(&error));
}

#[tokio::test]
async fn failures_open_the_breaker_which_stops_requests() {
    let server = Server::start(answer(503, "")).await;
    let client = server.client(LONG);
    for _ in 0..3 {
        assert!(client.is_available());
        assert!(ask(&client).await.is_err());
    }
    assert!(!client.is_available());
    assert_eq!(client.breaker().unwrap().state(), BreakerState::Open);

    server.now(answer(200, ATLANTA));
    let refused = ask(&client).await;
    assert!(matches!(refused, Err(GeocodeError::Unavailable(_))));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn timeouts_open_the_breaker() {
    let server = Server::start(Script::Hang).await;
    let client = server.client(Duration::from_millis(50));
    for _ in 0..3 {
        assert!(ask(&client).await.is_err());
    }
    assert!(!client.is_available());
}

#[tokio::test]
async fn addresses_that_time_out_open_only_the_breaker_of_their_tenant() {
    let server = Server::start(Script::HangOn("bad")).await;
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let impatient = server.client(Duration::from_millis(50));
    for number in 0..3 {
        let bad = ask_for(&impatient, one, &format!("bad {number}")).await;
        assert!(matches!(bad, Err(GeocodeError::Unavailable(_))));
    }
    let sent = server.requests().len();
    let refused = ask_for(&impatient, one, "good").await;
    assert!(matches!(refused, Err(GeocodeError::Unavailable(_))));
    assert_eq!(server.requests().len(), sent);
    // The other tenant's request is sent; its result doesn't matter on a slow machine.
    let _ = ask_for(&impatient, other, "good").await;
    assert_eq!(server.requests().len(), sent + 1);
}

#[tokio::test]
async fn addresses_on_which_the_service_fails_open_only_the_breaker_of_their_tenant() {
    let server = Server::start(answer(500, "")).await;
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let client = server.client(LONG);
    for _ in 0..10 {
        assert!(ask_for(&client, one, "bad").await.is_err());
    }
    assert_eq!(server.requests().len(), 3);
    server.now(answer(200, ATLANTA));
    assert!(ask_for(&client, one, "good").await.is_err());
    assert!(ask_for(&client, other, "good").await.is_ok());
}

#[tokio::test]
async fn invalid_coordinates_do_not_count_as_a_failure_of_the_service() {
    let server = Server::start(answer(200, r#"[{"lat": "99", "lon": "0"}]"#)).await;
    let client = server.client(LONG);
    for _ in 0..10 {
        assert!(matches!(
            ask(&client).await,
            Err(GeocodeError::Unavailable(_))
        ));
    }
    assert_eq!(server.requests().len(), 10);
    assert!(client.is_available());
}

#[test]
fn an_invalid_url_is_refused_and_the_error_does_not_contain_it() {
    let Err(error) = Nominatim::new(&NominatimConfig::new("localhost:1?key=hush")) else {
        panic!("the URL was accepted");
    };
    assert!(matches!(error, NominatimError::Url));
    assert!(!format!("{error} {error:?}").contains("hush"));
}
