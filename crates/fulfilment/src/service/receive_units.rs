//! Receives units of a return.

use std::collections::BTreeMap;

use oms_database::Connection;
use oms_validation::{ExpectedVersion, TenantId, WarehouseId};

use crate::domain::id::{ReceiptId, ReturnId};
use crate::domain::returns::line::Received;
use crate::domain::returns::{Receipt, Return};
use crate::error::FulfilmentError;
use crate::service::decide_return::{find, lock};
use crate::store::{Now, clock, return_receipts, returns};

/// Units that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptDraft {
    /// Its ID, under which the stock moves.
    pub id: ReceiptId,
    /// Where they arrived: any warehouse.
    pub warehouse_id: WarehouseId,
    /// What was done with the units of each line, by the lines' numbers.
    pub lines: BTreeMap<i32, Received>,
}

/// Receives units of a return, and returns it. The caller moves the stock in the same transaction. The order must be
/// locked.
///
/// # Errors
/// `ReturnNotFound`, `Changed`, `WrongStatus`, `UnknownLine`, `MoreThanApproved`, `TooManyReceipts`, or the database's
/// error.
pub async fn receive_units(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    id: ReturnId,
    expected: &ExpectedVersion,
    draft: &ReceiptDraft,
    actor: &str,
) -> Result<Return, FulfilmentError> {
    let mut it = lock(connection, tenant, id).await?;
    if !expected.allows(it.version) {
        let version = it.version;
        return Err(FulfilmentError::Changed { version });
    }
    it.receive(&draft.lines)?;
    let receipt = Receipt {
        id: draft.id,
        warehouse_id: draft.warehouse_id,
        lines: draft.lines.clone(),
        actor: actor.to_owned(),
        received_at: clock::read(now).run(connection).await?,
    };
    return_receipts::insert(connection, tenant, now, id, &receipt).await?;
    returns::update(connection, tenant, now, &it).await?;
    find(connection, tenant, id).await
}
