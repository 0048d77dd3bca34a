//! The raw TCP connection under a request, for the faults that HTTP libraries do not allow: closing it silently, or in
//! the middle of an answer.
//!
//! A second handle to the same socket, made when the connection is accepted. Shutting the socket down through it
//! affects the connection itself, so actix-web can send nothing more either.

use std::{
    any::Any,
    io::Write,
    net::{Shutdown, TcpStream},
};

use actix_web::{HttpRequest, dev::Extensions, rt::net::TcpStream as ServedStream};
use socket2::SockRef;

struct Handle(TcpStream);

/// Stores a connection that was just accepted, for [`cut`] and [`send_and_cut`].
pub(crate) fn remember(stream: &dyn Any, extensions: &mut Extensions) {
    let handle = stream
        .downcast_ref::<ServedStream>()
        .and_then(|stream| SockRef::from(stream).try_clone().ok());
    if let Some(handle) = handle {
        extensions.insert(Handle(handle.into()));
    }
}

/// Closes the connection. Unsent bytes are never sent.
pub(crate) fn cut(request: &HttpRequest) {
    if let Some(Handle(stream)) = request.conn_data::<Handle>() {
        // An error means that the client has already closed it.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Sends these bytes, bypassing actix-web, and closes the connection.
pub(crate) fn send_and_cut(request: &HttpRequest, bytes: &[u8]) {
    if let Some(Handle(stream)) = request.conn_data::<Handle>() {
        // The socket does not block, so bytes beyond its buffer are cut off, as intended.
        let mut stream = stream;
        let _ = stream.write_all(bytes);
    }
    cut(request);
}
