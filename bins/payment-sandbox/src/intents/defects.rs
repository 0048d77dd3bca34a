//! Deliberate defects: what a gateway must never do, but a client must detect.

use serde::Deserialize;

use super::{Intent, Moved, Status};
use crate::{
    cards::PaymentMethod,
    charges::{Charge, NewId},
};

/// The wrong amounts and currency to set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Tampering {
    amount: Option<u64>,
    amount_received: Option<u64>,
    currency: Option<String>,
}

impl Intent {
    /// Charges a cancelled intent, which stays cancelled; `None` if it is not cancelled.
    pub(crate) fn charged_though_cancelled(
        &self,
        method: &PaymentMethod,
        new: &NewId,
    ) -> Option<Moved> {
        if self.status != Status::Canceled {
            return None;
        }
        let charge = Charge::pending(new, self, method).succeeded(self.amount);
        let intent = Self {
            latest_charge: Some(charge.id.clone()),
            ..self.clone()
        };
        Some(Moved::quietly(intent, Some(charge)))
    }

    /// Changes the amounts of an intent and of its charge behind the client's back.
    pub(crate) fn tampered(&self, with: &Tampering, charge: Option<&Charge>) -> Moved {
        let amount = with.amount.unwrap_or(self.amount);
        let currency = with.currency.as_ref().unwrap_or(&self.currency);
        let intent = Self {
            amount,
            amount_received: with.amount_received.unwrap_or(self.amount_received),
            currency: currency.clone(),
            ..self.clone()
        };
        let charge = charge.map(|charge| Charge {
            amount,
            amount_captured: with.amount_received.unwrap_or(charge.amount_captured),
            currency: currency.clone(),
            ..charge.clone()
        });
        Moved::quietly(intent, charge)
    }
}
