//! Authorises a request, and passes its identity to the endpoint.

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use oms_errors::{INTERNAL, Problem};
use oms_validation::{Actor, OperatorName, Scope, TenantId};
use oms_web::{CurrentActor, CurrentOperator, CurrentTenant, Disclosure, GrantedScopes};

use crate::domain::credential::Credential;
use crate::error::AccessError;

/// Requires a scope, and stores tenant, actor, operator and disclosure in the request's extensions for the endpoint's
/// extractors.
///
/// # Errors
/// If the credential lacks the scope.
pub fn authorise(
    request: &ServiceRequest,
    credential: &Credential,
    scope: Scope,
) -> Result<(), Problem> {
    if !credential.allows(scope) {
        return Err(AccessError::Lacking(scope).into());
    }
    act_for(request, credential.tenant);
    let actor = Actor::of_client(credential.name.as_str());
    let actor = actor.map_err(|error| Problem::of(&INTERNAL).with_source(error))?;
    request.extensions_mut().insert(CurrentActor(actor));
    request.extensions_mut().insert(disclosure_of(credential));
    let scopes = GrantedScopes(credential.scopes);
    request.extensions_mut().insert(scopes);
    if matches!(scope, Scope::Operations | Scope::InventoryWrite) {
        let name = OperatorName::parse(credential.name.as_str());
        let name = name.map_err(|error| Problem::of(&INTERNAL).with_source(error))?;
        request.extensions_mut().insert(CurrentOperator(name));
    }
    Ok(())
}

/// Sets the tenant of a request.
pub fn act_for(request: &ServiceRequest, tenant: TenantId) {
    request.extensions_mut().insert(CurrentTenant(tenant));
}

/// Returns what answers may disclose beyond the scope of their route.
fn disclosure_of(credential: &Credential) -> Disclosure {
    Disclosure {
        orders: credential.allows(Scope::OrdersRead),
        inventory: credential.allows(Scope::InventoryRead),
        fulfilment: credential.allows(Scope::FulfilmentRead),
        returns: credential.allows(Scope::ReturnsRead),
        payment_secrets: credential.allows(Scope::OrdersWrite),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::credential::CredentialName;

    #[test]
    fn every_credential_name_is_a_valid_operator_and_actor_name() {
        let longest = "~".repeat(255);
        let every: String = (' '..='~').collect();
        for subject in [longest.as_str(), &every] {
            let name = CredentialName::of_subject(subject).unwrap();
            assert!(OperatorName::parse(name.as_str()).is_ok(), "{subject:?}");
            assert!(Actor::of_client(name.as_str()).is_ok(), "{subject:?}");
        }
        for character in every.chars() {
            let text = character.to_string();
            if let Ok(name) = text.parse::<CredentialName>() {
                assert!(OperatorName::parse(name.as_str()).is_ok(), "{text:?}");
            }
        }
    }
}
