//! The address of the client, for the number of attempts to sign in.

use std::net::IpAddr;

/// The client's address. The program, which knows the trusted proxies, adds it to the request's extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);
