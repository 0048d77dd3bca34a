//! Client connections, with limits on what a client can consume before it is authenticated, while it sends, and while
//! it reads.
//!
//! actix-web limits only how long the first head of a connection may take. It waits forever for later heads and for
//! clients that do not read their answers, and it reads up to 128 KiB ahead even if nothing wants the bytes. So its
//! HTTP dispatcher runs here on our own stream ([`ClientStream`]), which
//!
//! - gives every head a deadline and a maximum size, and answers with a problem when either is exceeded;
//! - reads at most 16 KiB ahead of what is wanted;
//! - disconnects clients that do not read their answers;
//! - reads no further requests while an answer is blocked;
//! - sends 100 to a client that waits for it, but only once the handler wants the body.
//!
//! The middleware [`watch()`] tells the stream which requests are in progress.

mod own_answers;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod watch;

use std::fmt;
use std::future::ready;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::rc::Rc;
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive, Request, Response};
use actix_server::ServerBuilder;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_web::dev::AppConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use state::Connection;
use stream::ClientStream;
pub(crate) use watch::watch;

/// Bytes of an answer that the kernel buffers for one client. Its own limit is several megabytes.
const SEND_BUFFER: usize = 128 * 1024;

/// Bytes of an answer that are buffered before they are passed to the kernel.
const WRITE_BUFFER: usize = 16 * 1024;

/// Maximum connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// How long a closing connection is still read from.
const CLOSING: Duration = Duration::from_secs(1);

/// The limits of a connection.
#[derive(Clone)]
pub(crate) struct ConnectionLimits {
    /// From the first byte of a head to its last.
    pub(crate) head_timeout: Duration,
    /// Between two requests.
    pub(crate) keep_alive: Duration,
    /// Time in which a client must read the next part of its answer.
    pub(crate) send_timeout: Duration,
    /// Once cancelled, the send time-out is shorter.
    pub(crate) stopping: CancellationToken,
}

/// Listens on all addresses of a host, as actix-web does, with send buffers of our size and without delays.
pub(crate) fn listen(host: &str, port: u16) -> io::Result<Vec<TcpListener>> {
    let addresses = (host, port).to_socket_addrs()?;
    let attempts: Vec<io::Result<TcpListener>> = addresses.map(listen_on).collect();
    let (listeners, errors): (Vec<_>, Vec<_>) = attempts.into_iter().partition(Result::is_ok);
    match errors.into_iter().next() {
        Some(Err(error)) if listeners.is_empty() => Err(error),
        _ => listeners.into_iter().collect(),
    }
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit both. Without the second, the last part of an answer that is written in several would wait
    // until the client has acknowledged the others, for which its kernel takes 40 ms.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Serves an app on listeners as actix-web's `HttpServer` does, but over our own connections.
pub(crate) fn serve<F, I, S, B>(
    mut server: ServerBuilder,
    listeners: Vec<TcpListener>,
    app: F,
    limits: &ConnectionLimits,
) -> io::Result<ServerBuilder>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let stopping = server.graceful_shutdown_signal();
    for listener in listeners {
        let (app, limits, stopping) = (app.clone(), limits.clone(), stopping.clone());
        server = server.listen("api", listener, move || {
            let app = app().into_factory();
            let app = app.map_err(|error| error.into().error_response());
            let (limits, stopping) = (limits.clone(), stopping.clone());
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                // The stream has its own deadlines, for every head and between two requests. actix-web looks at its
                // timers before it reads: a worker that was busy until the keep-alive ended would close a connection
                // on which a request has arrived.
                .keep_alive(KeepAlive::Os)
                .client_request_timeout(Duration::ZERO)
                .client_disconnect_timeout(CLOSING)
                .h1_write_buffer_size(WRITE_BUFFER)
                .expect(fn_service(|request: Request| {
                    if let Some(connection) = request.conn_data::<Rc<Connection>>() {
                        connection.interim_expected();
                    }
                    ready(Ok::<_, actix_web::Error>(request))
                }))
                .on_connect_ext(|stream: &ClientStream, data| {
                    data.insert(stream.connection());
                })
                .h1(map_config(app, |()| AppConfig::default()));
            fn_service(move |socket: TcpStream| {
                let address = socket.peer_addr().ok();
                ready(Ok((ClientStream::new(socket, limits.clone()), address)))
            })
            .and_then(http)
            .map_err(|error| log(&error))
        })?;
    }
    Ok(server)
}

/// Logs why a connection ended. Errors of clients are logged at DEBUG only.
fn log(error: &DispatchError) {
    let cause: &dyn std::error::Error = error;
    match error {
        DispatchError::Service(_)
        | DispatchError::Body(_)
        | DispatchError::Upgrade
        | DispatchError::InternalError => tracing::error!(cause, "a connection failed"),
        _ => tracing::debug!(cause, "a connection was closed"),
    }
}
