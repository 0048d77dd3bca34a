//! The operator of a request: the tenant, the name and the scopes of its session.

use oms_access::{Credential, Session, TenantSecret};
use oms_errors::{INTERNAL, Problem};
use oms_validation::{OperatorName, Scope, TenantId};
use oms_web::forbidden;

/// Who is signed in. The guard adds it to the request's extensions, and nothing else does: the tenant of a page comes
/// only from its session.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    /// The session.
    pub(crate) session: Session,
    /// The secret of its cookie, for signing out.
    pub(crate) secret: TenantSecret,
    /// The name, as an actor of a use case.
    pub(crate) name: OperatorName,
}

impl Operator {
    pub(super) fn of(session: Session, secret: TenantSecret) -> Result<Self, Problem> {
        let name = OperatorName::parse(session.credential.name.as_str());
        let name = name.map_err(|error| Problem::of(&INTERNAL).with_source(error))?;
        Ok(Self {
            session,
            secret,
            name,
        })
    }

    /// The tenant, the name and the scopes.
    pub(crate) fn credential(&self) -> &Credential {
        &self.session.credential
    }

    /// The tenant whose data the pages show.
    pub(crate) fn tenant(&self) -> TenantId {
        self.credential().tenant
    }

    /// Whether the session has a scope: what it lacks is not shown.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.credential().allows(scope)
    }

    /// Checks that the session has a scope.
    ///
    /// # Errors
    /// 403 `access.forbidden` with the scope.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Problem> {
        match self.may(scope) {
            true => Ok(()),
            false => Err(forbidden(scope)),
        }
    }

    /// The name on timelines: `operator:ann`.
    pub(crate) fn actor(&self) -> String {
        self.name.as_actor()
    }
}
