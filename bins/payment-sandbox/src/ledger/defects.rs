//! What the control API and the fault plan do to the ledger deliberately, and no honest gateway does.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Executed, Ledger, executed, new_id};
use crate::{
    answer::Answer,
    api_error::ApiError,
    cards,
    intents::{Draft, Session, Tampering},
    rendering,
    requests::{AMOUNT_MAX, Command, CreateIntent, MethodChoice, ReturnPage, is_currency},
};

/// A charge that no call of Stripe's API requested.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StrayCharge {
    amount: u64,
    currency: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

const CARD: &str = "pm_card_visa";

impl Ledger {
    /// Computes the effect of a late command: a confirmation is executed even if the intent was cancelled meanwhile.
    pub(crate) fn execute_late(&self, command: &Command, now: i64) -> Executed {
        self.charge_cancelled(command, now)
            .unwrap_or_else(|| self.execute(command, None, now))
    }

    fn charge_cancelled(&self, command: &Command, now: i64) -> Option<Executed> {
        let Command::Confirm { id, confirmation } = command else {
            return None;
        };
        let intent = self.intents.find(id)?;
        let method = match &confirmation.method {
            Some(MethodChoice::Known(method)) => method,
            Some(MethodChoice::Id(_)) | None => intent.method.as_ref()?,
            Some(MethodChoice::Refused(_)) => return None,
        };
        let new = new_id("ch", &self.charges, now);
        intent.charged_though_cancelled(method, &new).map(executed)
    }

    /// Creates a paid intent without a call; the answer is its charge.
    pub(crate) fn stray_charge(&self, stray: StrayCharge, now: i64) -> Executed {
        if !is_currency(&stray.currency) || !(1..=AMOUNT_MAX).contains(&stray.amount) {
            let message = "The amount must be 1 to 99999999, and the currency a code such as eur.";
            return Executed::from(ApiError::invalid_request(400, message));
        }
        let create = CreateIntent {
            amount: stray.amount,
            currency: stray.currency,
            draft: Draft {
                metadata: stray.metadata,
                ..Draft::default()
            },
            method: cards::from_token(CARD).map(MethodChoice::Known),
            confirm: Some(Session::Off),
            page: ReturnPage::default(),
        };
        let paid = self.execute(&Command::Create(Box::new(create)), None, now);
        match &paid.change.charge {
            Some(charge) => Executed {
                answer: Answer::ok(&rendering::charge(charge)),
                ..paid
            },
            None => paid,
        }
    }

    /// Changes the amounts of an intent, and of its charge, if it has one.
    pub(crate) fn tamper(&self, id: &str, with: &Tampering) -> Executed {
        let tampered: Result<Executed, ApiError> =
            self.on_intent(id, |intent, charge| Ok(intent.tampered(with, charge)));
        tampered.unwrap_or_else(Executed::from)
    }
}
