//! The port of the development database, and who may be sitting on it.

use std::env;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result, anyhow};

/// Where the development database listens, unless it is told otherwise.
pub(super) const DEFAULT: u16 = 5433;
/// Tells it otherwise.
pub(super) const VARIABLE: &str = "OMS_DEV_DATABASE_PORT";

/// The port that the user asks for, if they do.
pub(super) fn asked_for() -> Result<Option<u16>> {
    let Ok(text) = env::var(VARIABLE) else {
        return Ok(None);
    };
    let port: u16 = text
        .parse()
        .with_context(|| format!("{VARIABLE} is {text:?}: give a port from 1 to 65535"))?;
    Ok(Some(port))
}

/// Whether nothing listens on the port of 127.0.0.1.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port that nothing listens on at the moment.
pub(crate) fn any_free() -> Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener
        .local_addr()
        .context("the free port has no number")?
        .port())
}

/// The message for a port that somebody else uses.
pub(super) fn taken(port: u16, by: &str) -> anyhow::Error {
    let other = port.checked_add(1).unwrap_or(DEFAULT);
    anyhow!(
        "port {port} on 127.0.0.1 is used by {by}. \
         Stop it, or choose another port: {VARIABLE}={other} cargo xtask sys-init"
    )
}
