//! Creates a link that signs in to the console, once.

use oms_database::{Connection, register_tenant};
use oms_validation::{Scope, Scopes, TenantId};

use crate::domain::credential::CredentialName;
use crate::domain::session::LINK_LIFETIME;
use crate::domain::tenant_secret::TenantSecret;
use crate::error::AccessError;
use crate::store::sign_in_links;

/// Creates a link for an operator, valid for ten minutes, and returns its token. Only the token's hash is stored.
///
/// # Errors
/// [`AccessError::NoScopes`], or the database's error.
pub async fn create_link(
    connection: &mut Connection,
    tenant: TenantId,
    name: &CredentialName,
    scopes: Scopes,
) -> Result<TenantSecret, AccessError> {
    if scopes.is_empty() {
        return Err(AccessError::NoScopes);
    }
    register_tenant(connection, tenant.as_uuid()).await?;
    let secret = TenantSecret::generate(tenant);
    let scopes: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
    let lifetime_s = LINK_LIFETIME.as_secs_f64();
    let (hash, name) = (secret.hash(), name.as_str());
    sign_in_links::insert_link(connection, tenant, &hash, name, &scopes, lifetime_s).await?;
    Ok(secret)
}
