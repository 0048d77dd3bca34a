//! The raw TCP connection under a request, for the faults that HTTP libraries do not allow:
//! closing it without a word, or in the middle of an answer.
//!
//! A second handle to the same socket, made when the connection is accepted. Shutting the socket
//! down through it works on the connection itself, so actix-web can send nothing more either.

use std::{
    any::Any,
    io::Write,
    net::{Shutdown, TcpStream},
};

use actix_web::{HttpRequest, dev::Extensions, rt::net::TcpStream as ServedStream};
use socket2::SockRef;

struct Handle(TcpStream);

/// Remembers a connection that was just accepted, for [`cut`] and [`send_and_cut`].
pub(crate) fn remember(stream: &dyn Any, extensions: &mut Extensions) {
    let handle = stream
        .downcast_ref::<ServedStream>()
        .and_then(|stream| SockRef::from(stream).try_clone().ok());
    if let Some(handle) = handle {
        extensions.insert(Handle(handle.into()));
    }
}

/// Closes the connection. What has not been sent yet is never sent.
pub(crate) fn cut(request: &HttpRequest) {
    if let Some(Handle(stream)) = request.conn_data::<Handle>() {
        // An error means that the client has closed it already.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Sends these bytes, past actix-web, and closes the connection.
pub(crate) fn send_and_cut(request: &HttpRequest, bytes: &[u8]) {
    if let Some(Handle(stream)) = request.conn_data::<Handle>() {
        // The socket does not block: what exceeds its buffer is cut off, which is the purpose.
        let mut stream = stream;
        let _ = stream.write_all(bytes);
    }
    cut(request);
}
