//! What the control API and the fault plan do to the ledger on purpose, and no honest gateway does.

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

/// A charge that no call of Stripe's API asked for.
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
    /// Works out a command whose effect comes late: a confirmation is carried out even if the
    /// intent was cancelled in the meantime.
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

    /// Works out a paid intent out of nothing; its charge is the answer.
    pub(crate) fn stray_charge(&self, stray: StrayCharge, now: i64) -> Executed {
        if !is_currency(&stray.currency) || !(1..=AMOUNT_MAX).contains(&stray.amount) {
            let message = "A charge has an amount of 1 to 99999999 and a currency such as eur.";
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

    /// Works out an intent, and its charge if it has one, with other amounts.
    pub(crate) fn tamper(&self, id: &str, with: &Tampering) -> Executed {
        let tampered: Result<Executed, ApiError> =
            self.on_intent(id, |intent, charge| Ok(intent.tampered(with, charge)));
        tampered.unwrap_or_else(Executed::from)
    }
}
