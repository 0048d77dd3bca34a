//! Signs in to the console with a link, once.

use std::net::IpAddr;

use oms_database::{boxed, transaction};
use oms_validation::Scopes;

use super::begin_session::begin_session;
use super::sign_in::count_attempt;
use crate::context::SessionsContext;
use crate::domain::credential::{Credential, CredentialName};
use crate::domain::session::NewSession;
use crate::domain::tenant_secret::TenantSecret;
use crate::error::AccessError;
use crate::store::sign_in_links;

/// Uses a link up and begins a session with its tenant, name and scopes.
///
/// # Errors
/// [`AccessError::TooOften`] after five attempts in a minute, [`AccessError::Unknown`] if the link is unknown, used or
/// expired, or the database's error.
#[boxed]
pub async fn sign_in_with_link(
    context: &SessionsContext,
    address: Option<IpAddr>,
    token: &str,
) -> Result<NewSession, AccessError> {
    count_attempt(context, address)?;
    let unknown = AccessError::Unknown("the link is unknown, used or expired");
    let Ok(secret) = TenantSecret::parse(token) else {
        return Err(unknown);
    };
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        let tenant = secret.tenant();
        let link = sign_in_links::use_link(connection, tenant, &secret.hash()).await?;
        let Some(link) = link else {
            return Err(unknown);
        };
        let name = CredentialName::of_stored_key(&link.name);
        let credential = Credential {
            tenant,
            name: name.map_err(|_| AccessError::Unknown("the link has an invalid name"))?,
            scopes: Scopes::known_among(link.scopes.iter().map(String::as_str)),
        };
        begin_session(connection, credential, None).await
    })
    .await
}
