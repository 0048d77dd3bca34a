//! The port of the development database, and the program that may already use it.

use std::env;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result, anyhow};

/// Default port of the development database.
pub(super) const DEFAULT: u16 = 5433;
/// Variable that overrides it.
pub(super) const VARIABLE: &str = "OMS_DEV_DATABASE_PORT";

/// The port that the user chose, if any.
pub(super) fn asked_for() -> Result<Option<u16>> {
    let Ok(text) = env::var(VARIABLE) else {
        return Ok(None);
    };
    let port: u16 = text
        .parse()
        .with_context(|| format!("{VARIABLE} is {text:?}: give a port from 1 to 65535"))?;
    Ok(Some(port))
}

/// Whether nothing listens on this port of 127.0.0.1.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port on which nothing listens at the moment.
pub(crate) fn any_free() -> Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener
        .local_addr()
        .context("the free port has no number")?
        .port())
}

/// The error for a port that another program uses.
pub(super) fn taken(port: u16, by: &str) -> anyhow::Error {
    let other = port.checked_add(1).unwrap_or(DEFAULT);
    anyhow!(
        "port {port} on 127.0.0.1 is used by {by}. \
         Stop it, or choose another port: {VARIABLE}={other} cargo xtask sys-init"
    )
}
