//! Approves, declines, cancels and closes returns.

use chrono::{DateTime, Utc};
use oms_database::Connection;
use oms_validation::{ExpectedVersion, TenantId, WarehouseId};

use crate::domain::id::ReturnId;
use crate::domain::returns::words::ReturnStatus;
use crate::domain::returns::{Acceptance, Remainder, Return};
use crate::domain::text::Note;
use crate::error::FulfilmentError;
use crate::store::{Now, clock, returns};

/// What is decided about a return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The units may be sent back.
    Approve {
        /// Where to.
        warehouse_id: WarehouseId,
        /// When it is closed if nothing was received.
        expires_at: DateTime<Utc>,
        /// When its units are accepted.
        acceptance: Acceptance,
    },
    /// It is refused.
    Decline(Note),
    /// It is withdrawn.
    Cancel(Option<Note>),
    /// Nothing more is expected.
    Close(Remainder, Option<Note>),
    /// Nothing was received in time. Returns that are not approved or have not expired stay as they are.
    Expire,
}

/// Decides about a return, and returns it with whether this changed it. Its order must be locked.
///
/// # Errors
/// `ReturnNotFound`, `Changed`, why it can't be decided so, or the database's error.
pub async fn decide_return(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: ReturnId,
    expected: &ExpectedVersion,
    decision: &Decision,
) -> Result<(bool, Return), FulfilmentError> {
    let mut it = lock(connection, tenant, id).await?;
    let is_new = match decision {
        Decision::Approve {
            warehouse_id,
            expires_at,
            acceptance,
        } => it.approve(*warehouse_id, *expires_at, *acceptance)?,
        Decision::Decline(_) => it.decline()?,
        Decision::Cancel(_) => it.cancel()?,
        Decision::Close(remainder, _) => it.close(*remainder)?,
        Decision::Expire => {
            let present = clock::read(now).run(connection).await?;
            let has_expired = it.expires_at.is_some_and(|at| at <= present);
            let is_waiting = it.status == ReturnStatus::Approved;
            is_waiting && has_expired && it.close(Remainder::Missing)?
        }
    };
    if !is_new {
        return Ok((false, it));
    }
    if !expected.allows(it.version) {
        let version = it.version;
        return Err(FulfilmentError::Changed { version });
    }
    it.decision_reason = match decision {
        Decision::Decline(reason) => Some(reason.clone()),
        Decision::Cancel(reason) | Decision::Close(_, reason) => reason.clone(),
        Decision::Approve { .. } | Decision::Expire => None,
    };
    returns::update(connection, tenant, now, &it).await?;
    Ok((true, find(connection, tenant, id).await?))
}

pub(super) async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    id: ReturnId,
) -> Result<Return, FulfilmentError> {
    let locked = returns::lock(connection, tenant, &[id]).await?;
    let locked = locked.into_iter().next();
    locked.ok_or(FulfilmentError::ReturnNotFound)
}

pub(super) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    id: ReturnId,
) -> Result<Return, FulfilmentError> {
    let found = returns::find(connection, tenant, &[id]).await?;
    let found = found.into_iter().next();
    found.ok_or(FulfilmentError::ReturnNotFound)
}
