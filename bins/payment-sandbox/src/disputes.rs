//! Disputes: a customer asks the bank for the money of a charge back. Fields and states:
//! <https://docs.stripe.com/api/disputes/object>.

use serde::{Deserialize, Serialize};

use crate::{
    api_error::ApiError,
    charges::{Charge, NewId},
    collection::Stored,
};

/// The time to respond to a dispute, in seconds.
const TIME_TO_RESPOND: i64 = 7 * 24 * 60 * 60;

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) charge_id: String,
    pub(crate) intent_id: String,
    pub(crate) created: i64,
    pub(crate) amount: u64,
    pub(crate) currency: String,
    pub(crate) reason: String,
    pub(crate) status: DisputeStatus,
    pub(crate) due_by: i64,
}

/// The status of a dispute. The `Warning…` statuses belong to an inquiry, which takes no money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DisputeStatus {
    WarningNeedsResponse,
    WarningUnderReview,
    WarningClosed,
    NeedsResponse,
    UnderReview,
    Won,
    Lost,
}

/// A dispute to be opened.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDispute {
    pub(crate) charge: Option<String>,
    pub(crate) payment_intent: Option<String>,
    /// The disputed amount; if absent, what is left of the charge.
    amount: Option<u64>,
    reason: Option<String>,
    status: Option<DisputeStatus>,
}

/// Opens a dispute of a charge.
///
/// # Errors
/// 400 when nothing was captured, or the disputed amount exceeds what was captured.
pub(crate) fn open(charge: &Charge, new: &NewDispute, id: &NewId) -> Result<Dispute, ApiError> {
    let amount = new.amount.unwrap_or_else(|| charge.unrefunded());
    if !charge.is_captured() || amount == 0 || amount > charge.amount_captured {
        let message = format!(
            "The amount exceeds what can be disputed of charge {}.",
            charge.id
        );
        return Err(ApiError::invalid_request(400, message));
    }
    Ok(Dispute {
        id: id.id.clone(),
        seq: id.seq,
        charge_id: charge.id.clone(),
        intent_id: charge.intent_id.clone(),
        created: id.now,
        amount,
        currency: charge.currency.clone(),
        reason: new
            .reason
            .clone()
            .unwrap_or_else(|| "fraudulent".to_owned()),
        status: new.status.unwrap_or(DisputeStatus::NeedsResponse),
        due_by: id.now + TIME_TO_RESPOND,
    })
}

impl Dispute {
    /// The dispute in another status.
    pub(crate) fn moved_to(&self, status: DisputeStatus) -> Self {
        Self {
            status,
            ..self.clone()
        }
    }
}

impl DisputeStatus {
    /// Whether the dispute has ended.
    pub(crate) fn is_closed(self) -> bool {
        matches!(self, Self::Won | Self::Lost | Self::WarningClosed)
    }

    /// Whether the disputed amount is withdrawn from the account. An inquiry withdraws nothing.
    pub(crate) fn withholds(self) -> bool {
        matches!(self, Self::NeedsResponse | Self::UnderReview | Self::Lost)
    }
}

impl Stored for Dispute {
    const OBJECT: &'static str = "dispute";

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> u64 {
        self.seq
    }
}
