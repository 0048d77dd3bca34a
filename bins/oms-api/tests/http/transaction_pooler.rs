//! A connection pooler like PgBouncer with `pool_mode = transaction`: a client gets a server session for one
//! transaction, and perhaps another one for the next.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};

/// The pooler. It ends with the test's runtime.
pub struct TransactionPooler {
    pub address: String,
}

struct Pool {
    server: String,
    /// The most recently used session is used next.
    idle: Mutex<Vec<TcpStream>>,
    sessions: Semaphore,
}

impl TransactionPooler {
    /// A pooler with at most this many sessions.
    pub async fn start(database_url: &str, most: usize) -> Self {
        let (_, rest) = database_url.split_once('@').unwrap();
        let server = rest.split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let pool = Arc::new(Pool {
            server,
            idle: Mutex::default(),
            sessions: Semaphore::new(most),
        });
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let pool = pool.clone();
                // A client that disconnects ends its connection with an error.
                tokio::spawn(async move { pool.serve(client).await.ok() });
            }
        });
        Self { address }
    }
}

impl Pool {
    async fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        // The server itself authenticates the client, which needs a connection. It stays in the pool if there is room.
        let mut session = TcpStream::connect(&self.server).await?;
        let startup = read_startup(&mut client).await?;
        session.write_all(&startup).await?;
        until_ready(&mut client, &mut session).await?;
        let mut idle = self.idle.lock().await;
        if idle.len() < self.sessions.available_permits() {
            idle.push(session);
        }
        drop(idle);
        loop {
            let first = read_message(&mut client).await?;
            if first[0] == b'X' {
                return Ok(());
            }
            let _permit = self.sessions.acquire().await.unwrap();
            let session = self.idle.lock().await.pop();
            let mut session = session.expect("there are as many sessions as permits");
            self.transaction(&mut client, &mut session, first).await?;
            self.idle.lock().await.push(session);
        }
    }

    /// Forwards messages until the session is no longer in a transaction.
    async fn transaction(
        &self,
        client: &mut TcpStream,
        session: &mut TcpStream,
        mut message: Vec<u8>,
    ) -> std::io::Result<()> {
        loop {
            session.write_all(&message).await?;
            // Only a query or a Sync is answered completely.
            let is_asked = matches!(message[0], b'Q' | b'S');
            if is_asked && until_ready(client, session).await? == b'I' {
                return Ok(());
            }
            message = read_message(client).await?;
        }
    }
}

/// The first message of a client, which has no type. Requests for encryption are refused.
async fn read_startup(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    loop {
        let length = client.read_u32().await?;
        let mut message = length.to_be_bytes().to_vec();
        message.resize(length as usize, 0);
        client.read_exact(&mut message[4..]).await?;
        let is_encryption = message[4..8] == 80_877_103_u32.to_be_bytes();
        if !is_encryption {
            return Ok(message);
        }
        client.write_all(b"N").await?;
    }
}

async fn read_message(from: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let kind = from.read_u8().await?;
    let length = from.read_u32().await?;
    let mut message = vec![kind];
    message.extend_from_slice(&length.to_be_bytes());
    message.resize(1 + length as usize, 0);
    from.read_exact(&mut message[5..]).await?;
    Ok(message)
}

/// Forwards answers until the server is ready for a query, and returns its state. Passwords are forwarded in the other
/// direction.
async fn until_ready(client: &mut TcpStream, session: &mut TcpStream) -> std::io::Result<u8> {
    loop {
        let answer = read_message(session).await?;
        client.write_all(&answer).await?;
        let asks_for_password = answer[0] == b'R' && !matches!(answer[5..9], [0, 0, 0, 0 | 12]);
        if asks_for_password {
            let password = read_message(client).await?;
            session.write_all(&password).await?;
        }
        if answer[0] == b'Z' {
            return Ok(answer[5]);
        }
    }
}
