//! Signs out of the console.

use oms_database::boxed;

use crate::context::SessionsContext;
use crate::domain::credential::Credential;
use crate::domain::tenant_secret::TenantSecret;
use crate::error::AccessError;
use crate::store::sessions;

/// Ends a session. Repeating it changes nothing.
///
/// # Errors
/// The database's.
#[boxed]
pub async fn sign_out(context: &SessionsContext, secret: &TenantSecret) -> Result<(), AccessError> {
    let mut connection = context.database.acquire().await?;
    sessions::end_session(&mut connection, secret.tenant(), &secret.hash()).await?;
    Ok(())
}

/// Ends all sessions with the tenant and the name of a credential, wherever they are. Returns their number.
///
/// # Errors
/// The database's.
#[boxed]
pub async fn sign_out_everywhere(
    context: &SessionsContext,
    credential: &Credential,
) -> Result<usize, AccessError> {
    let mut connection = context.database.acquire().await?;
    let (tenant, name) = (credential.tenant, credential.name.as_str());
    Ok(sessions::end_sessions_of(&mut connection, tenant, name).await?)
}
