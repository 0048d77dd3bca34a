//! Recognises the session of a request.

use oms_database::boxed;
use oms_validation::Scopes;

use crate::context::SessionsContext;
use crate::domain::credential::{Credential, CredentialName};
use crate::domain::session::{Presence, SESSION_IDLE, Session, SessionId};
use crate::domain::tenant_secret::TenantSecret;
use crate::error::AccessError;
use crate::store::sessions;

/// Returns the session with this secret, or `None` if it is unknown, has ended, or was idle for too long. Nothing is
/// cached: a session ends with the statement that ends it, or its key. A request that shows that the operator is there
/// is recorded, at most once a minute.
///
/// # Errors
/// The database's.
#[boxed]
pub async fn resume_session(
    context: &SessionsContext,
    secret: &TenantSecret,
    presence: Presence,
) -> Result<Option<Session>, AccessError> {
    let mut connection = context.database.acquire().await?;
    let (tenant, hash) = (secret.tenant(), secret.hash());
    let idle_s = SESSION_IDLE.as_secs_f64();
    let found = sessions::find_live_session(&mut connection, tenant, &hash, idle_s).await?;
    let Some(found) = found else {
        return Ok(None);
    };
    if found.use_is_unnoted && presence == Presence::Operator {
        sessions::note_use(&mut connection, tenant, &hash).await?;
    }
    let name = CredentialName::of_session(&found.name);
    Ok(Some(Session {
        id: SessionId(found.id),
        credential: Credential {
            tenant,
            name: name.map_err(|_| AccessError::Unknown("the session has an invalid name"))?,
            scopes: Scopes::known_among(found.scopes.iter().map(String::as_str)),
        },
        created_at: found.created_at,
        expires_at: found.expires_at,
    }))
}
