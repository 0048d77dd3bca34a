//! An operator returns an order to the sweeper.

use std::time::Duration;

use oms_database::{Connection, boxed};
use oms_payments::find_payment;
use oms_validation::{IdempotencyKey, Keyed, Once, OperatorName, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::dead_letter::{DeadLetter, Resolution};
use crate::domain::id::DeadLetterId;
use crate::error::{DeadLetterError, OrderError};
use crate::service::reading::get_dead_letter::get_open;
use crate::service::transitions::abort::{Abort, Lost, unless_lost};
use crate::service::transitions::change_status::add_note;
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::patience::Patience;
use crate::store::dead_letters;
use crate::store::reconciliations::{self, Stock};

/// Puts the order of an open dead letter back on the work list, due now and with its tries reset, and returns the
/// updated dead letter. Runs once for each key.
///
/// # Errors
/// `NotFound` if the tenant has no such dead letter, `Resolved` if it is closed, `KeyReused` if the key belongs to
/// another request; otherwise if the database fails.
#[boxed]
pub async fn retry_dead_letter(
    context: &OrderContext,
    tenant: TenantId,
    id: DeadLetterId,
    key: Option<&IdempotencyKey>,
    operator: &OperatorName,
) -> Result<Once<DeadLetter>, DeadLetterError> {
    let keyed = key.map(|key| Keyed::new(key, "retry dead letter v1", &id));
    let now = context.now();
    let actor = operator.as_actor();
    let authorship = Authorship {
        actor: &actor,
        reason: "an operator requested a retry",
    };
    let mut patience = Patience::new(context, tenant, id.as_uuid());
    let retried = loop {
        let tried = patience.attempt(async |connection| {
            if claim_key(connection, tenant, keyed.as_ref()).await? == Once::Before(()) {
                return Ok(Once::Before(()));
            }
            let open = get_open(connection, tenant, id).await;
            let order_id = open.map_err(Abort::Failed)?.order_id;
            // Lock the order first, as everywhere.
            add_note(connection, tenant, now, order_id, authorship).await?;
            let how = Resolution::Retried;
            if !dead_letters::resolve(connection, tenant, now, id, how, &actor, None).await? {
                return Err(Abort::LOST);
            }
            let stock = stock_of(connection, tenant, order_id).await?;
            let delay = Duration::ZERO;
            reconciliations::insert(connection, tenant, now, order_id, delay, stock).await?;
            Ok::<_, Abort<Lost, DeadLetterError>>(Once::Now(()))
        });
        if let Some(retried) = tried.await {
            break retried;
        }
    };
    let retried = unless_lost(retried)?.ok_or(DeadLetterError::Resolved)?;
    let dead_letter = read(context, tenant, id).await;
    let dead_letter = dead_letter.map_err(OrderError::after_commit)?;
    let dead_letter = dead_letter.ok_or(DeadLetterError::NotFound)?;
    Ok(retried.map(|()| dead_letter))
}

async fn stock_of(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Stock, OrderError> {
    let attempt = find_payment(connection, tenant, order_id).await?;
    let is_unpaid = attempt.is_some_and(|it| it.state.is_open() || it.state.is_dead());
    Ok(match is_unpaid {
        true => Stock::Unpaid,
        false => Stock::Paid,
    })
}

async fn read(
    context: &OrderContext,
    tenant: TenantId,
    id: DeadLetterId,
) -> Result<Option<DeadLetter>, OrderError> {
    let mut connection = context.database.acquire().await?;
    Ok(dead_letters::find(&mut connection, tenant, id).await?)
}
