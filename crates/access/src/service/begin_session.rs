//! Begins a session: the step that all ways to sign in share.

use oms_database::Connection;
use oms_validation::Scope;
use uuid::Uuid;

use crate::domain::credential::Credential;
use crate::domain::session::{NewSession, SESSION_LIFETIME, Session, SessionId};
use crate::domain::tenant_secret::TenantSecret;
use crate::error::AccessError;
use crate::store::sessions::{self, NewRow};

/// Inserts a session of a credential, with a secret of its own: nothing that the browser sent before is kept.
pub(super) async fn begin_session(
    connection: &mut Connection,
    credential: Credential,
    api_key: Option<Uuid>,
) -> Result<NewSession, AccessError> {
    let secret = TenantSecret::generate(credential.tenant);
    let id = Uuid::now_v7();
    let row = NewRow {
        tenant: credential.tenant,
        hash: secret.hash(),
        id,
        name: credential.name.as_str(),
        scopes: credential.scopes.iter().map(Scope::as_str).collect(),
        api_key,
        expires_in_s: SESSION_LIFETIME.as_secs_f64(),
    };
    let times = sessions::insert_session(connection, &row).await?;
    let session = Session {
        id: SessionId(id),
        credential,
        created_at: times.created_at,
        expires_at: times.expires_at,
    };
    Ok(NewSession { secret, session })
}
