//! Phase 3, the only way from `PENDING_PAYMENT` to `PAID` or `FAILED`: order, attempt, stock, event, work list and dead
//! letter change in one commit, or not at all.

use oms_database::Connection;
use oms_inventory::release;
use oms_payments::save_calls;
use oms_validation::{Keyed, Once, OperatorName, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::clock::Now;
use crate::domain::dead_letter::Resolution;
use crate::domain::failure::Failure;
use crate::domain::id::DeadLetterId;
use crate::domain::reason::Reason;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::transitions::abort::{Abort, unless_lost};
use crate::service::transitions::change_status::change_status;
use crate::service::transitions::claim_key::claim_key;
use crate::service::transitions::close_payment::{close_payment, note_declined};
use crate::service::transitions::open_fulfilment::ensure_open;
use crate::service::transitions::patience::Patience;
use crate::service::transitions::proof::Proof;
use crate::service::transitions::worklist::take_off;
use crate::store::dead_letters;
use crate::store::orders::{KeyFate, Transition};

/// Why an order is paid.
pub(crate) const PAID_REASON: &str = "the payment was collected";

/// How an order leaves `PENDING_PAYMENT`.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// The payment was collected.
    Paid,
    /// It was not, and it is proven that it won't be.
    Failed(Failure),
}

/// Who settles an order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EndedBy<'a> {
    /// A request or a worker, by its name in events.
    Actor(&'a str),
    /// An operator, who resolves the order's dead letter at the same time.
    Operator(Decision<'a>),
}

/// What an operator decided, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decision<'a> {
    pub(crate) dead_letter_id: DeadLetterId,
    pub(crate) operator: &'a OperatorName,
    pub(crate) reason: &'a Reason,
    /// The request that decides it, if it has a key.
    pub(crate) keyed: Option<&'a Keyed<'a>>,
}

/// Settles an order by compare-and-set. Returns `false` if another request or worker was first; then only the history
/// of gateway calls was changed.
pub(crate) async fn end_order(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    proof: &Proof,
    ending: &Ending,
    by: EndedBy<'_>,
) -> Result<bool, OrderError> {
    let ended = try_to_end(context, tenant, order_id, proof, ending, by).await;
    match ended {
        Ok(true) => note_declined(context, tenant, proof),
        _ => save_calls(&context.database, tenant, &proof.calls).await,
    }
    ended
}

async fn try_to_end(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    proof: &Proof,
    ending: &Ending,
    by: EndedBy<'_>,
) -> Result<bool, OrderError> {
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            let now = context.now();
            write(connection, tenant, now, order_id, ending, by).await?;
            close_payment(context, connection, tenant, now, order_id, proof).await
        });
        if let Some(ended) = tried.await {
            return Ok(unless_lost(ended)?.is_some());
        }
    }
}

async fn write(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
    ending: &Ending,
    by: EndedBy<'_>,
) -> Result<(), Abort> {
    if let EndedBy::Operator(decision) = by
        && claim_key(connection, tenant, decision.keyed).await? == Once::Before(())
    {
        return Err(Abort::LOST);
    }
    let (actor, reason) = (by.actor(), by.reason(ending));
    let authorship = Authorship {
        actor: &actor,
        reason: &reason,
    };
    let transition = ending.transition();
    if !change_status(connection, tenant, now, order_id, &transition, authorship).await? {
        return Err(Abort::LOST);
    }
    match transition.to.holds_stock() {
        true => _ = ensure_open(connection, tenant, now, order_id).await?,
        false => _ = release(connection, tenant, order_id.into()).await?,
    }
    match by {
        // An order with an open dead letter is not on the work list.
        EndedBy::Operator(decision) => {
            let (id, note) = (decision.dead_letter_id, decision.reason.as_str());
            let how = ending.resolution();
            let resolved =
                dead_letters::resolve(connection, tenant, now, id, how, &actor, Some(note)).await?;
            resolved.then_some(()).ok_or(Abort::LOST)
        }
        EndedBy::Actor(actor) => Ok(take_off(connection, tenant, now, &[(order_id, actor)]).await?),
    }
}

impl Ending {
    pub(crate) fn transition(&self) -> Transition<'_> {
        let (to, failure) = match self {
            Self::Paid => (OrderStatus::Paid, None),
            Self::Failed(failure) => (OrderStatus::Failed, Some(failure)),
        };
        let key = match failure {
            Some(Failure::GatewayUnavailable) => KeyFate::Release,
            _ => KeyFate::Keep,
        };
        Transition {
            from: OrderStatus::PendingPayment,
            to,
            failure,
            key,
        }
    }

    fn resolution(&self) -> Resolution {
        match self {
            Self::Paid => Resolution::Paid,
            Self::Failed(_) => Resolution::Failed,
        }
    }
}

impl EndedBy<'_> {
    fn actor(&self) -> String {
        match self {
            Self::Actor(actor) => (*actor).to_owned(),
            Self::Operator(decision) => decision.operator.as_actor(),
        }
    }

    fn reason(&self, ending: &Ending) -> String {
        match (self, ending) {
            (Self::Operator(decision), _) => decision.reason.as_str().to_owned(),
            (Self::Actor(_), Ending::Paid) => PAID_REASON.to_owned(),
            (Self::Actor(_), Ending::Failed(failure)) => failure.in_words(),
        }
    }
}
