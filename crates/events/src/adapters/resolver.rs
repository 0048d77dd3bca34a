//! Resolves the names of endpoints to addresses that may be called.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::domain::webhooks::address_rules::AddressRules;

/// Looks names up.
#[async_trait]
pub trait LookUp: Send + Sync {
    /// The addresses of a name.
    async fn look_up(&self, name: &str) -> io::Result<Vec<SocketAddr>>;
}

/// The resolver of the operating system.
pub struct SystemLookUp;

#[async_trait]
impl LookUp for SystemLookUp {
    async fn look_up(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.collect())
    }
}

/// Why a name leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotResolved {
    #[error("the name can't be resolved")]
    NoAddress(#[source] Option<io::Error>),
    #[error("the name leads only to addresses that are not allowed")]
    NotAllowed,
}

/// Gives the HTTP client only addresses that the rules allow. It is asked for every connection, so a name that led
/// elsewhere when it was checked gains nothing.
#[derive(Clone)]
pub(crate) struct GuardedResolver {
    pub(crate) look_up: Arc<dyn LookUp>,
    pub(crate) rules: AddressRules,
}

impl GuardedResolver {
    pub(crate) async fn addresses(&self, name: &str) -> Result<Vec<SocketAddr>, NotResolved> {
        let found = self.look_up.look_up(name).await;
        let found = found.map_err(|error| NotResolved::NoAddress(Some(error)))?;
        if found.is_empty() {
            return Err(NotResolved::NoAddress(None));
        }
        let allowed: Vec<SocketAddr> = found
            .into_iter()
            .filter(|address| self.rules.allow(address.ip()))
            .collect();
        match allowed.is_empty() {
            true => Err(NotResolved::NotAllowed),
            false => Ok(allowed),
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guarded = self.clone();
        Box::pin(async move {
            let addresses = guarded.addresses(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
