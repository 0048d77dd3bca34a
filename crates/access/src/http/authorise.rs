//! Lets a request through whose credential allows it, and tells its endpoint whom it acts for.

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use oms_errors::{INTERNAL, Problem};
use oms_validation::{Actor, OperatorName, Scope, TenantId};
use oms_web::{CurrentActor, CurrentOperator, CurrentTenant, Disclosure};

use crate::domain::credential::Credential;
use crate::error::AccessError;

/// Puts tenant, actor, operator and disclosure among the request's extensions, for the extractors of its endpoint.
///
/// # Errors
/// When the credential lacks the scope.
pub fn authorise(
    request: &ServiceRequest,
    credential: &Credential,
    scope: Scope,
) -> Result<(), Problem> {
    if !credential.allows(scope) {
        return Err(AccessError::Lacking(scope).into_problem());
    }
    act_for(request, credential.tenant);
    let actor = Actor::of_client(credential.name.as_str());
    let actor = actor.map_err(|error| Problem::of(&INTERNAL).with_source(error))?;
    request.extensions_mut().insert(CurrentActor(actor));
    request.extensions_mut().insert(disclosure_of(credential));
    if matches!(scope, Scope::Operations | Scope::InventoryWrite) {
        let name = OperatorName::parse(credential.name.as_str());
        let name = name.map_err(|error| Problem::of(&INTERNAL).with_source(error))?;
        request.extensions_mut().insert(CurrentOperator(name));
    }
    Ok(())
}

/// Has a request act for a tenant.
pub fn act_for(request: &ServiceRequest, tenant: TenantId) {
    request.extensions_mut().insert(CurrentTenant(tenant));
}

/// What answers show beside what their routes are for.
fn disclosure_of(credential: &Credential) -> Disclosure {
    Disclosure {
        orders: credential.allows(Scope::OrdersRead),
        inventory: credential.allows(Scope::InventoryRead),
        payment_secrets: credential.allows(Scope::OrdersWrite),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::credential::CredentialName;

    #[test]
    fn whoever_a_credential_can_name_can_be_an_operator_and_an_actor() {
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
