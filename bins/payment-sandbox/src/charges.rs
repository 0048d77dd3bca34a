//! Charges: each is one attempt to move the money of an intent, with its outcome. Fields:
//! <https://docs.stripe.com/api/charges/object>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    cards::{Decline, PaymentMethod},
    collection::Stored,
    intents::{Intent, Status},
};

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) intent_id: String,
    pub(crate) created: i64,
    pub(crate) amount: u64,
    pub(crate) amount_captured: u64,
    pub(crate) amount_refunded: u64,
    pub(crate) currency: String,
    pub(crate) status: ChargeStatus,
    pub(crate) method: PaymentMethod,
    pub(crate) failure: Option<Decline>,
    /// The intent's metadata when the attempt began.
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, String>,
    /// Whether it was ever disputed.
    #[serde(default)]
    pub(crate) disputed: bool,
}

/// The outcome of the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChargeStatus {
    /// Not known yet.
    Pending,
    /// Authorised, and captured if `amount_captured` says so.
    Succeeded,
    /// Declined, or cancelled.
    Failed,
}

/// The identity of a new object.
#[derive(Clone, Debug)]
pub(crate) struct NewId {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) now: i64,
}

impl Charge {
    /// An attempt on this intent with an outcome that is not known yet.
    pub(crate) fn pending(new: &NewId, intent: &Intent, method: &PaymentMethod) -> Self {
        Self {
            id: new.id.clone(),
            seq: new.seq,
            intent_id: intent.id.clone(),
            created: new.now,
            amount: intent.amount,
            amount_captured: 0,
            amount_refunded: 0,
            currency: intent.currency.clone(),
            status: ChargeStatus::Pending,
            method: method.clone(),
            failure: None,
            metadata: intent.draft.metadata.clone(),
            disputed: false,
        }
    }

    /// The attempt, declined.
    pub(crate) fn failed(self, failure: &Decline) -> Self {
        Self {
            status: ChargeStatus::Failed,
            failure: Some(failure.clone()),
            ..self
        }
    }

    /// The attempt, authorised, with this much of it captured.
    pub(crate) fn succeeded(self, amount_captured: u64) -> Self {
        Self {
            status: ChargeStatus::Succeeded,
            amount_captured,
            ..self
        }
    }

    /// Whether the attempt was authorised just now; `before` is the intent as it was. A capture of an earlier
    /// authorisation is no new success.
    pub(crate) fn is_new_success(&self, before: Option<&Intent>) -> bool {
        let waited = before.is_some_and(|before| before.status == Status::RequiresCapture);
        self.status == ChargeStatus::Succeeded && !waited
    }

    /// Whether money was taken.
    pub(crate) fn is_captured(&self) -> bool {
        self.status == ChargeStatus::Succeeded && self.amount_captured > 0
    }

    /// What can still be refunded.
    pub(crate) fn unrefunded(&self) -> u64 {
        self.amount_captured.saturating_sub(self.amount_refunded)
    }
}

impl Stored for Charge {
    const OBJECT: &'static str = "charge";

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> u64 {
        self.seq
    }
}
