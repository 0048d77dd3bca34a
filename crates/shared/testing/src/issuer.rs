//! A scriptable OIDC issuer over HTTP, and keys that sign its tokens.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The public example key of RFC 7515, appendix A.2.
const RSA: &str = include_str!("issuer/rfc7515_a2.json");

/// The audience of the tokens.
pub const AUDIENCE: &str = "https://oms.example";

/// The claim that contains the tenant.
pub const TENANT_CLAIM: &str = "https://oms.example/store";

/// The issuer's reaction to requests.
#[derive(Clone, Debug)]
pub enum Script {
    /// Publishes the metadata and the configured keys.
    Publish,
    /// Answers all requests with this status and body.
    Answer(u16, String),
    /// Answers requests for keys with this body.
    Keys(String),
    /// Answers requests for metadata with this body.
    Metadata(Value),
    /// Never answers.
    Hang,
}

/// An issuer that runs until the test's runtime ends.
#[derive(Debug)]
pub struct TestIssuer {
    /// Its `iss`.
    pub url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    script: Script,
    keys: Vec<Value>,
    /// The requested paths.
    requests: Vec<String>,
    /// The ID token for which a code is exchanged.
    id_token: Option<String>,
    /// The form with which a code was exchanged last.
    form: String,
}

impl TestIssuer {
    /// Starts an issuer that publishes these keys.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("the listener has an address");
        let issuer = Self {
            url: format!("http://{address}"),
            state: Arc::new(Mutex::new(State {
                script: Script::Publish,
                keys: Vec::new(),
                requests: Vec::new(),
                id_token: None,
                form: String::new(),
            })),
        };
        issuer.publish(keys);
        let (url, state) = (issuer.url.clone(), issuer.state.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, url.clone(), state.clone()));
            }
        });
        issuer
    }

    /// Replaces the published keys.
    pub fn publish(&self, keys: &[&SigningKey]) {
        self.state().keys = keys.iter().map(|key| key.public()).collect();
    }

    /// Changes the script.
    pub fn now(&self, script: Script) {
        self.state().script = script;
    }

    /// Gives this ID token for any code from now on.
    pub fn give(&self, id_token: &str) {
        self.state().id_token = Some(id_token.to_owned());
    }

    /// Returns the form with which a code was exchanged last.
    pub fn exchanged(&self) -> String {
        self.state().form.clone()
    }

    /// Returns the paths requested so far.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    /// Returns the claims of a token for a tenant that is valid for an hour.
    pub fn claims(&self, subject: &str, tenant: &str, scope: &str) -> Value {
        json!({
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": subject,
            "exp": in_seconds(3600),
            "iat": in_seconds(0),
            "scope": scope,
            TENANT_CLAIM: tenant,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the time this many seconds from now, in the format of claims.
///
/// # Panics
/// If the clock is before 1970.
pub fn in_seconds(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now
        .map(|now: Duration| now.as_secs())
        .expect("the clock is after 1970");
    i64::try_from(now).expect("the time fits") + seconds
}

async fn serve(mut stream: TcpStream, url: String, state: Arc<Mutex<State>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let mut body = vec![0; content_length(&head)];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    let (script, keys, id_token) = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests.push(path.to_owned());
        if path == "/token" {
            state.form = String::from_utf8_lossy(&body).into_owned();
        }
        (
            state.script.clone(),
            state.keys.clone(),
            state.id_token.clone(),
        )
    };
    let keys = json!({ "keys": keys }).to_string();
    let metadata = json!({
        "issuer": url,
        "jwks_uri": format!("{url}/keys"),
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
    });
    let metadata = metadata.to_string();
    let (status, body) = match (script, path) {
        (Script::Hang, _) => return pending().await,
        (Script::Answer(status, body), _) => (status, body),
        (Script::Keys(body), "/keys") => (200, body),
        (Script::Metadata(body), "/.well-known/openid-configuration") => (200, body.to_string()),
        (_, "/.well-known/openid-configuration") => (200, metadata),
        (_, "/keys") => (200, keys),
        (_, "/token") => match id_token {
            Some(token) => (200, json!({ "id_token": token }).to_string()),
            None => (400, json!({ "error": "invalid_grant" }).to_string()),
        },
        _ => (404, String::new()),
    };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    // A client may close the connection before the end of the answer.
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// The length of a request's body.
fn content_length(head: &str) -> usize {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = lengths
        .next()
        .and_then(|(_, value)| value.trim().parse().ok());
    length.unwrap_or_default()
}

/// A key that signs tokens.
#[derive(Debug)]
pub struct SigningKey {
    id: String,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Rsa(Box<RsaKeyPair>),
    Elliptic(Box<EcdsaKeyPair>),
}

impl SigningKey {
    /// Generates a key for ES256.
    ///
    /// # Panics
    /// If the system has no randomness.
    pub fn elliptic(id: &str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("randomness");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random);
        Self {
            id: id.to_owned(),
            pair: Pair::Elliptic(Box::new(pair.expect("the key was just generated"))),
        }
    }

    /// Returns the only key for RS256, because *ring* can't generate RSA keys.
    ///
    /// # Panics
    /// If the embedded file is damaged.
    pub fn rsa(id: &str) -> Self {
        let key: Value = serde_json::from_str(RSA).expect("the file is JSON");
        let part = |name: &str| decode(key[name].as_str().expect("the key is complete"));
        let pair = RsaKeyPair::from_components(&KeyPairComponents {
            public_key: PublicKeyComponents {
                n: part("n"),
                e: part("e"),
            },
            d: part("d"),
            p: part("p"),
            q: part("q"),
            dP: part("dp"),
            dQ: part("dq"),
            qInv: part("qi"),
        });
        Self {
            id: id.to_owned(),
            pair: Pair::Rsa(Box::new(pair.expect("the key is valid"))),
        }
    }

    /// Returns the public key in the format of a key set.
    pub fn public(&self) -> Value {
        match &self.pair {
            Pair::Rsa(_) => {
                let key: Value = serde_json::from_str(RSA).expect("the file is JSON");
                json!({ "kty": "RSA", "kid": self.id, "use": "sig", "n": key["n"], "e": key["e"] })
            }
            Pair::Elliptic(pair) => {
                // An uncompressed point: the byte 4 and both coordinates.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let (x, y) = (encode(x), encode(y));
                json!({ "kty": "EC", "crv": "P-256", "kid": self.id, "use": "sig", "x": x, "y": y })
            }
        }
    }

    /// Returns the header of a token that this key signs.
    pub fn header(&self) -> Value {
        let algorithm = match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Elliptic(_) => "ES256",
        };
        json!({ "typ": "JWT", "alg": algorithm, "kid": self.id })
    }

    /// Returns a signed token.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header(), claims)
    }

    /// Returns a token with a custom header, signed by this key.
    ///
    /// # Panics
    /// If the system has no randomness.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &random,
                    message.as_bytes(),
                    &mut signature,
                )
                .expect("randomness");
                signature
            }
            Pair::Elliptic(pair) => {
                let signature = pair.sign(&random, message.as_bytes());
                signature.expect("randomness").as_ref().to_vec()
            }
        };
        format!("{message}.{}", encode(&signature))
    }
}

/// Returns a token without the signature and the dot before it.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| encode(part.to_string().as_bytes()));
    format!("{header}.{claims}")
}

/// Encodes bytes as base64url, like tokens and key sets.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("the text is base64url")
}
