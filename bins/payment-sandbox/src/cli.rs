//! The command line: the settings, and where it may listen. Reads only its arguments and `PAYMENT_SANDBOX_*`.

use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
};

use anyhow::{Context, bail};
use clap::Parser;

use crate::webhooks::WebhookOptions;

/// A development tool that speaks Stripe's HTTP protocol. It is not a payment service: no real
/// money moves, no real card may be entered, and it must never be exposed to a network.
#[derive(Debug, Parser)]
#[command(name = "payment-sandbox", version)]
pub(crate) struct Options {
    /// Address to listen on; any other than loopback needs --allow-remote
    #[arg(long, env = "PAYMENT_SANDBOX_HOST", default_value = "127.0.0.1")]
    pub(crate) host: String,

    /// Port to listen on; 0 picks a free one and prints it
    #[arg(long, env = "PAYMENT_SANDBOX_PORT", default_value_t = 12111)]
    pub(crate) port: u16,

    /// Journal that keeps intents, charges, refunds and idempotency keys across restarts
    #[arg(
        long,
        env = "PAYMENT_SANDBOX_STATE_FILE",
        default_value = ".oms/payment-sandbox.journal"
    )]
    pub(crate) state_file: PathBuf,

    /// Listen on an address that other machines can reach (the control API has no authentication)
    #[arg(long)]
    pub(crate) allow_remote: bool,

    /// The webhook endpoint
    #[command(flatten)]
    pub(crate) webhooks: WebhookOptions,
}

impl Options {
    /// The addresses to bind.
    ///
    /// # Errors
    /// When the host can't be resolved, or is not loopback and `--allow-remote` was not given.
    pub(crate) fn addresses(&self) -> anyhow::Result<Vec<SocketAddr>> {
        let addresses: Vec<SocketAddr> = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .with_context(|| format!("cannot resolve the host {:?}", self.host))?
            .collect();
        let remote = addresses.iter().any(|address| !address.ip().is_loopback());
        if remote && !self.allow_remote {
            bail!(
                "refusing to listen on {}: this is a development tool for loopback only \
                 (--allow-remote overrides)",
                self.host
            );
        }
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Options {
        Options::parse_from(std::iter::once(&"payment-sandbox").chain(arguments))
    }

    #[test]
    fn a_remote_address_needs_permission() {
        assert!(options(&["--host", "0.0.0.0"]).addresses().is_err());
        assert!(options(&["--host", "::"]).addresses().is_err());
        assert!(
            options(&["--host", "0.0.0.0", "--allow-remote"])
                .addresses()
                .is_ok()
        );
        assert!(options(&["--host", "::1"]).addresses().is_ok());
    }
}
