//! A minimal HTTP client that checks whether an address answers 200.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);

/// Whether `GET path` on the address answers 200. Any failure counts as no.
pub(crate) fn answers_ok(address: SocketAddr, path: &str) -> bool {
    status_line(address, path).is_ok_and(|line| line.split(' ').nth(1) == Some("200"))
}

fn status_line(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn answer_once(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // The server reads the whole request, because closing a connection with unread bytes resets it.
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let header: Vec<String> = lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            assert_eq!(header[0], "GET /health HTTP/1.1");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    #[test]
    fn only_200_is_ok() {
        assert!(answers_ok(
            answer_once("HTTP/1.1 200 OK\r\n\r\n"),
            "/health"
        ));
        assert!(!answers_ok(
            answer_once("HTTP/1.1 503 Service Unavailable\r\n\r\n"),
            "/health"
        ));
    }

    #[test]
    fn a_refused_connection_is_not_ok() {
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        assert!(!answers_ok(address, "/health"));
    }
}
