//! Compares one charge of the gateway with our books, and records the difference.

use oms_payments::{Attempt, ChargeId, ListedCharge, PaymentError};
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::finding::FindingKind;
use crate::domain::id::FindingId;
use crate::domain::suspicion::{Judgement, Suspicion};
use crate::error::OrderError;
use crate::service::reconciling::judge_charges::{BooksState, judge_charges};
use crate::service::reconciling::record_finding::{Recorded, record_finding};
use crate::service::reconciling::settle_finding::settle_new;
use crate::service::transitions::book_reported::GoesOn;
use crate::service::transitions::follow_gateway::{Reach, follow_gateway};
use crate::store::findings::{self, Corrected};

/// The result of comparing one charge or payment with our books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeCheck {
    /// There is no difference, or the order is in progress and may still agree.
    Fine,
    /// A difference that was recorded before.
    Known(FindingId),
    /// A new difference, and whether the program corrected it immediately.
    Found {
        /// The finding.
        id: FindingId,
        /// The kind of difference.
        kind: FindingKind,
        /// Whether it was corrected.
        settled: bool,
    },
}

/// Compares a charge that was just read with our books. A difference is confirmed by reading both again, recorded once
/// with its alert, and corrected if this database has the attempt.
///
/// # Errors
/// If the gateway or the database can't be reached. What was recorded stays.
pub async fn check_charge(
    context: &OrderContext,
    tenant: TenantId,
    charge: &ListedCharge,
) -> Result<ChargeCheck, OrderError> {
    match judge_one(context, tenant, charge, BooksState::AsTheyAre).await? {
        Judgement::Fine | Judgement::Pays(_) => Ok(ChargeCheck::Fine),
        Judgement::Behind(attempt) => catch_up(context, tenant, &charge.id, &attempt).await,
        Judgement::Suspicious(suspicion) => confirm(context, tenant, &suspicion).await,
    }
}

/// Books what happened to the charge's payment at the gateway. Only what still differs after that is judged.
pub(crate) async fn catch_up(
    context: &OrderContext,
    tenant: TenantId,
    id: &ChargeId,
    attempt: &Attempt,
) -> Result<ChargeCheck, OrderError> {
    let (reach, goes_on) = (Reach::RefundsAndDisputes, GoesOn::Sweeper);
    follow_gateway(context, tenant, attempt, reach, goes_on).await?;
    let charge = context.gateway.find_charge(id).await;
    let Some(charge) = charge.map_err(PaymentError::from)? else {
        return Ok(ChargeCheck::Fine);
    };
    match judge_one(context, tenant, &charge, BooksState::Followed).await? {
        Judgement::Suspicious(suspicion) => confirm(context, tenant, &suspicion).await,
        Judgement::Fine | Judgement::Pays(_) | Judgement::Behind(_) => Ok(ChargeCheck::Fine),
    }
}

async fn judge_one(
    context: &OrderContext,
    tenant: TenantId,
    charge: &ListedCharge,
    books: BooksState,
) -> Result<Judgement, OrderError> {
    let judged = judge_charges(context, tenant, std::slice::from_ref(charge), books).await?;
    Ok(judged.into_iter().next().unwrap_or(Judgement::Fine))
}

/// What the program has corrected of a subject. Read it before the gateway is asked about the subject.
pub(crate) async fn corrected(
    context: &OrderContext,
    tenant: TenantId,
    subject: &str,
) -> Result<Corrected, OrderError> {
    let mut connection = context.database.acquire().await?;
    let gateway = context.gateway.name();
    Ok(findings::find_corrected(&mut connection, tenant, gateway, subject).await?)
}

/// Reads the charge of a suspicion again, and then the order. An order that was settled before the charge was read
/// stays settled, and its refunds were made by then. So nothing else will refund the money that is left now.
pub(crate) async fn confirm(
    context: &OrderContext,
    tenant: TenantId,
    suspicion: &Suspicion,
) -> Result<ChargeCheck, OrderError> {
    let Some(id) = &suspicion.charge else {
        return Ok(ChargeCheck::Fine);
    };
    let before = corrected(context, tenant, suspicion.subject()).await?;
    let charge = context.gateway.find_charge(id).await;
    let Some(charge) = charge.map_err(PaymentError::from)? else {
        return Ok(ChargeCheck::Fine);
    };
    match judge_one(context, tenant, &charge, BooksState::Followed).await? {
        Judgement::Suspicious(again)
            if (again.kind, again.order) == (suspicion.kind, suspicion.order) =>
        {
            write_down(context, tenant, &again, &before).await
        }
        // The order changed in the meantime; the next comparison decides.
        Judgement::Suspicious(_) | Judgement::Fine | Judgement::Pays(_) | Judgement::Behind(_) => {
            Ok(ChargeCheck::Fine)
        }
    }
}

/// Records a confirmed suspicion, and corrects it if possible.
pub(crate) async fn write_down(
    context: &OrderContext,
    tenant: TenantId,
    suspicion: &Suspicion,
    before: &Corrected,
) -> Result<ChargeCheck, OrderError> {
    match record_finding(context, tenant, suspicion, before).await? {
        Recorded::New(id) => Ok(ChargeCheck::Found {
            id,
            kind: suspicion.kind,
            settled: settle_new(context, tenant, id).await?,
        }),
        Recorded::Known(id) => Ok(ChargeCheck::Known(id)),
        Recorded::Lost => Ok(ChargeCheck::Fine),
    }
}
