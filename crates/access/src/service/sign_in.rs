//! Signs in to the console with an API key.

use std::net::IpAddr;

use oms_database::boxed;
use oms_validation::Scopes;

use super::begin_session::begin_session;
use crate::context::SessionsContext;
use crate::domain::api_key::ApiKey;
use crate::domain::credential::{Credential, CredentialName};
use crate::domain::session::NewSession;
use crate::error::AccessError;
use crate::store::api_keys;

/// Begins a session with the tenant, the name and the scopes of a key. The session keeps only the ID of the key. The
/// attempts of an address are counted before the key is looked up.
///
/// # Errors
/// [`AccessError::TooOften`] after five attempts in a minute, [`AccessError::Unknown`] if the key is not valid here, or
/// the database's error.
#[boxed]
pub async fn sign_in(
    context: &SessionsContext,
    address: Option<IpAddr>,
    key: &str,
) -> Result<NewSession, AccessError> {
    count_attempt(context, address)?;
    let key =
        ApiKey::parse(key.trim()).map_err(|_| AccessError::Unknown("it is not an API key"))?;
    if key.mode() != context.mode {
        return Err(AccessError::Unknown(
            "the key belongs to another installation",
        ));
    }
    let mut connection = context.database.acquire().await?;
    let found = api_keys::find_live_key(&mut connection, key.tenant(), &key.hash()).await?;
    let found = found.ok_or(AccessError::Unknown(
        "the key does not exist, or is revoked or expired",
    ))?;
    let name = CredentialName::of_stored_key(&found.name);
    let credential = Credential {
        tenant: key.tenant(),
        name: name.map_err(|_| AccessError::Unknown("the key has an invalid name"))?,
        scopes: Scopes::known_among(found.scopes.iter().map(String::as_str)),
    };
    api_keys::note_use(&mut connection, key.tenant(), found.id).await?;
    begin_session(&mut connection, credential, Some(found.id)).await
}

/// Counts an attempt to sign in. Requests whose address is unknown share one quota.
pub(super) fn count_attempt(
    context: &SessionsContext,
    address: Option<IpAddr>,
) -> Result<(), AccessError> {
    let counted = context.attempts.count_for(&address);
    let within = counted.map(drop);
    within.map_err(|allowance| AccessError::TooOften(allowance.resets_in_s))
}
