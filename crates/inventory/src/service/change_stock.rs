//! Receives, adjusts and transfers stock, once per idempotency key.

use std::collections::BTreeSet;

use oms_database::{Connection, DbError, boxed};
use oms_validation::{
    IdempotencyKey, Keyed, Once, OperatorName, ProductId, Reason, TenantId, WarehouseId,
};

use crate::context::InventoryContext;
use crate::domain::allocation::LevelKey;
use crate::domain::id::StockChangeId;
use crate::domain::stock_change::{PlannedMovement, RefusedChange, StockChange, check, levels_of};
use crate::domain::stock_movement::{ChangeRecord, StockMovement};
use crate::error::InventoryError;
use crate::service::claim_key::claim_key;
use crate::store::{level_counts, products, stock_levels, stock_movements, warehouses};

/// Changes stock on behalf of `operator`, all lines or none, and returns the movements. For a known key, returns those
/// of the earlier request.
///
/// # Errors
/// `UnknownWarehouse` and `UnknownProducts`; `InsufficientStock` if a level has too few free units;
/// `InsufficientQuarantine`; `TooMuchStock`; `KeyReused`; `OutcomeUnknown` or another error of the database. On error, nothing is changed, except
/// possibly on `OutcomeUnknown`.
#[boxed]
pub async fn change_stock(
    context: &InventoryContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    change: &StockChange,
    reason: &Reason,
    operator: &OperatorName,
) -> Result<Once<Vec<StockMovement>>, InventoryError> {
    let keyed = Keyed::new(key, "change stock v1", &(change, reason.as_str()));
    let movements = change.movements();
    let id = StockChangeId::generate();
    // The first product, because all others wait behind it: levels are locked in order.
    let product = movements.iter().map(|movement| movement.level.1).min();
    let queue = product.map_or(id.as_uuid(), |product| product.as_uuid());
    let mut request = context.change(tenant, queue);
    loop {
        let attempt = request.attempt(async |connection| {
            if let Some(id) = claim_key(connection, tenant, &keyed, id.as_uuid()).await? {
                let before = stock_movements::find_change(connection, tenant, id.into()).await?;
                return Ok(Once::Before(before));
            }
            lock_and_check::<InventoryError>(connection, tenant, &movements).await?;
            let record = ChangeRecord {
                change_id: id,
                reason: reason.as_str(),
                actor: &operator.as_actor(),
            };
            stock_movements::apply(connection, tenant, &movements, record).await?;
            let made = stock_movements::find_change(connection, tenant, id).await?;
            Ok(Once::Now(made))
        });
        if let Some(done) = attempt.await {
            return done;
        }
    }
}

/// Locks and checks the levels to change. Missing levels are created before any is locked, so that no transaction that
/// holds locks waits for another that is creating a level.
pub(crate) async fn lock_and_check<E: From<DbError> + From<RefusedChange>>(
    connection: &mut Connection,
    tenant: TenantId,
    movements: &[PlannedMovement],
) -> Result<(), E> {
    let levels = levels_of(movements);
    check_existence::<E>(connection, tenant, &levels).await?;
    let coming = movements.iter().filter(|movement| movement.quantity > 0);
    let coming: BTreeSet<LevelKey> = coming.map(|movement| movement.level).collect();
    level_counts::insert_missing(connection, tenant, &coming).await?;
    stock_levels::lock(tenant, &levels).run(connection).await?;
    let counts = level_counts::find(tenant, &levels).run(connection).await?;
    Ok(check(&counts, movements)?)
}

async fn check_existence<E: From<DbError> + From<RefusedChange>>(
    connection: &mut Connection,
    tenant: TenantId,
    levels: &BTreeSet<LevelKey>,
) -> Result<(), E> {
    let wanted: BTreeSet<WarehouseId> = levels.iter().map(|level| level.0).collect();
    let known = warehouses::find_known(connection, tenant, &wanted).await?;
    if let Some(unknown) = wanted.difference(&known).next() {
        return Err(RefusedChange::UnknownWarehouse(*unknown).into());
    }
    let wanted: BTreeSet<ProductId> = levels.iter().map(|level| level.1).collect();
    let known = products::find_known(connection, tenant, &wanted).await?;
    let unknown: Vec<ProductId> = wanted.difference(&known).copied().collect();
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(RefusedChange::UnknownProducts(unknown).into()),
    }
}
