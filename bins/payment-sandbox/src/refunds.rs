//! Refunds of a captured charge, in full or in part, never more than was captured. Fields and errors:
//! <https://docs.stripe.com/api/refunds>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    api_error::ApiError,
    charges::{Charge, NewId},
    collection::Stored,
    requests::check_step,
};

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) charge_id: String,
    pub(crate) intent_id: String,
    pub(crate) created: i64,
    pub(crate) amount: u64,
    pub(crate) currency: String,
    pub(crate) reason: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) status: RefundStatus,
    /// Why it failed, in Stripe's words.
    #[serde(default)]
    pub(crate) failure_reason: Option<String>,
}

/// The status of a refund: <https://docs.stripe.com/api/refunds/object#refund_object-status>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundStatus {
    /// The bank has not received it yet.
    Pending,
    /// The money is on its way to the customer.
    #[default]
    Succeeded,
    /// The bank returned the money, possibly weeks after the refund succeeded.
    Failed,
    /// It was cancelled before the bank received it.
    Canceled,
}

/// A change of a refund after it was made.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RefundSettlement {
    status: RefundStatus,
    failure_reason: Option<String>,
}

/// The parameters of a refund, except whose money it is.
#[derive(Clone, Debug)]
pub(crate) struct RefundOrder {
    /// The amount; `None` for all that has not been refunded yet.
    pub(crate) amount: Option<u64>,
    pub(crate) reason: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Refunds a charge. Returns the changed charge and the refund.
///
/// # Errors
/// 400 when nothing was captured, when all of it was refunded (`charge_already_refunded`), or when the amount exceeds
/// the remainder.
pub(crate) fn refund(
    charge: &Charge,
    order: &RefundOrder,
    new: &NewId,
) -> Result<(Charge, Refund), ApiError> {
    if !charge.is_captured() {
        let message = format!(
            "Charge {} has not been captured, so it has nothing to refund.",
            charge.id
        );
        return Err(ApiError::unexpected_state(message));
    }
    let left = charge.unrefunded();
    if left == 0 {
        let message = format!("Charge {} has already been refunded.", charge.id);
        return Err(ApiError::invalid_request(400, message).with_code("charge_already_refunded"));
    }
    let amount = order.amount.unwrap_or(left);
    check_step(amount, &charge.currency)?;
    if amount > left {
        // Stripe sends no code with this error, only the parameter.
        let message = format!(
            "Refund amount ({amount} {currency}) is greater than unrefunded amount on charge \
             ({left} {currency})",
            currency = charge.currency
        );
        return Err(ApiError::parameter("amount", message));
    }
    let refund = Refund {
        id: new.id.clone(),
        seq: new.seq,
        charge_id: charge.id.clone(),
        intent_id: charge.intent_id.clone(),
        created: new.now,
        amount,
        currency: charge.currency.clone(),
        reason: order.reason.clone(),
        metadata: order.metadata.clone(),
        status: RefundStatus::Succeeded,
        failure_reason: None,
    };
    let charge = Charge {
        amount_refunded: charge.amount_refunded + amount,
        ..charge.clone()
    };
    Ok((charge, refund))
}

/// Changes a refund after it was made. Returns the changed refund and charge. The money of a refund that fails is back
/// on the account, and the charge shows it as not refunded.
///
/// # Errors
/// 400 when the refund has failed or was cancelled: those statuses are final.
pub(crate) fn settle(
    refund: &Refund,
    charge: &Charge,
    settlement: &RefundSettlement,
) -> Result<(Charge, Refund), ApiError> {
    if refund.status.is_dead() {
        let message = format!("Refund {} has failed or was canceled.", refund.id);
        return Err(ApiError::invalid_request(400, message));
    }
    let dies = settlement.status.is_dead();
    let reason = settlement.failure_reason.clone();
    let refund = Refund {
        status: settlement.status,
        failure_reason: dies.then(|| reason.unwrap_or_else(|| "unknown".to_owned())),
        ..refund.clone()
    };
    let given_back = if dies { refund.amount } else { 0 };
    let charge = Charge {
        amount_refunded: charge.amount_refunded.saturating_sub(given_back),
        ..charge.clone()
    };
    Ok((charge, refund))
}

impl RefundStatus {
    /// Whether the money stays on the account.
    pub(crate) fn is_dead(self) -> bool {
        matches!(self, Self::Failed | Self::Canceled)
    }
}

impl Stored for Refund {
    const OBJECT: &'static str = "refund";

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> u64 {
        self.seq
    }
}
