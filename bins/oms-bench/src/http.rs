//! A minimal HTTP/1.1 connection that is kept open.
//!
//! It is hyper's connection without a pool, a resolver or TLS. Its own cost is measured in each run and reported.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::traffic;

/// The API accepts this and `Idempotency-Key`; older systems know only this one.
const KEY: HeaderName = HeaderName::from_static("x-idempotency-key");

/// A connection.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("could not connect to {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Ends with the connection. The request in flight reports the error.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        let host = HeaderValue::from_str(&address.to_string())?;
        Ok(Self { sender, host })
    }

    /// Sends a request of a workload, and reads the complete answer.
    pub(crate) async fn exchange(
        &mut self,
        request: &traffic::Request,
    ) -> Result<(StatusCode, Bytes)> {
        let key = request.key.as_deref();
        self.send(
            request.method.clone(),
            &request.path,
            key,
            request.body.clone(),
        )
        .await
    }

    /// Sends a request with a JSON body or none, and reads the complete answer.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes)> {
        self.send_as("application/json", method, path, key, body)
            .await
    }

    /// Like [`send`](Self::send), with a body of another type.
    pub(crate) async fn send_as(
        &mut self,
        media_type: &'static str,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes)> {
        let mut request = Request::builder().method(method).uri(path);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        if let Some(key) = key {
            request = request.header(KEY, key);
        }
        let answer = self.ask(request.body(Full::new(body))?).await?;
        Ok((answer.status(), answer.into_body()))
    }

    /// Sends any request, and reads the complete answer.
    pub(crate) async fn ask(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>> {
        request.headers_mut().insert(HOST, self.host.clone());
        let ready = self.sender.ready().await;
        ready.context("the connection was closed")?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    }
}
