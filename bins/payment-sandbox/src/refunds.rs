//! Refunds: money of a captured charge given back, in full or in part, never more than was taken.
//! Fields and errors: <https://docs.stripe.com/api/refunds>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    api_error::ApiError,
    charges::{Charge, NewId},
    collection::Stored,
    requests::check_step,
};

/// Money given back.
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
}

/// What was asked for, besides whose money it is.
#[derive(Clone, Debug)]
pub(crate) struct RefundOrder {
    /// Nothing: all that has not been refunded yet.
    pub(crate) amount: Option<u64>,
    pub(crate) reason: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Refunds a charge: the charge as it is afterwards, and the refund.
///
/// # Errors
/// 400 when nothing was captured, `charge_already_refunded`, or more than is left.
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
        // Stripe sends no code with this one, only the parameter.
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
    };
    let charge = Charge {
        amount_refunded: charge.amount_refunded + amount,
        ..charge.clone()
    };
    Ok((charge, refund))
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
