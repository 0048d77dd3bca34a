//! Payment intents and their state machine, as pure functions: the effect of each operation on an intent and its
//! charge, or why it is rejected. No IO, no clock, no journal.
//!
//! Statuses: <https://docs.stripe.com/payments/paymentintents/lifecycle>, fields:
//! <https://docs.stripe.com/api/payment_intents/object>.

mod defects;
mod status;

pub(crate) use defects::Tampering;
pub(crate) use status::{CaptureMethod, Session, Settlement, Status};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    api_error::ApiError,
    cards::{Behaviour, Decline, PaymentMethod},
    charges::{Charge, ChargeStatus, NewId},
    collection::Stored,
    requests::check_step,
};

/// The intention to collect a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) created: i64,
    pub(crate) status: Status,
    pub(crate) draft: Draft,
    pub(crate) amount: u64,
    pub(crate) amount_received: u64,
    pub(crate) currency: String,
    pub(crate) method: Option<PaymentMethod>,
    pub(crate) latest_charge: Option<String>,
    pub(crate) last_error: Option<LastError>,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) cancellation_reason: Option<String>,
    /// Where the customer returns to, from the latest confirmation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) return_url: Option<String>,
    /// The address at which the client called the sandbox then, where the customer finds the bank's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<String>,
}

/// The parameters of an intent, which never change after its creation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft {
    pub(crate) description: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) method_types: Vec<String>,
    pub(crate) automatic_methods: bool,
    /// Whether payment methods that redirect the customer to another site are allowed.
    #[serde(default)]
    pub(crate) allows_redirects: bool,
    pub(crate) capture: CaptureMethod,
}

/// Why the latest attempt failed, and with which method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastError {
    pub(crate) decline: Decline,
    pub(crate) charge: Option<String>,
    pub(crate) method: Option<PaymentMethod>,
}

/// An intent after an operation, with its charge if that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) intent: Intent,
    pub(crate) charge: Option<Charge>,
    pub(crate) declined: Option<Decline>,
}

impl Moved {
    fn quietly(intent: Intent, charge: Option<Charge>) -> Self {
        Self {
            intent,
            charge,
            declined: None,
        }
    }
}

impl Stored for Intent {
    const OBJECT: &'static str = "payment_intent";

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> u64 {
        self.seq
    }
}

impl Intent {
    /// Creates an unconfirmed intent.
    pub(crate) fn new(
        new: NewId,
        amount: u64,
        currency: &str,
        method: Option<PaymentMethod>,
        draft: Draft,
    ) -> Self {
        let status = match method {
            Some(_) => Status::RequiresConfirmation,
            None => Status::RequiresPaymentMethod,
        };
        Self {
            id: new.id,
            seq: new.seq,
            created: new.now,
            status,
            draft,
            amount,
            amount_received: 0,
            currency: currency.to_owned(),
            method,
            latest_charge: None,
            last_error: None,
            canceled_at: None,
            cancellation_reason: None,
            return_url: None,
            origin: None,
        }
    }

    /// The secret by which the customer's browser identifies the payment.
    pub(crate) fn client_secret(&self) -> String {
        format!("{}_secret_sandbox", self.id)
    }

    /// The intent with the page that the customer returns to, for a confirmation.
    ///
    /// # Errors
    /// When there is none, and payment methods that redirect the customer are allowed.
    pub(crate) fn returning_to(
        &self,
        return_url: Option<&str>,
        origin: &str,
    ) -> Result<Self, ApiError> {
        if self.draft.allows_redirects && return_url.is_none() {
            let message = "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. \
                           Because some of these payment methods might redirect your customer off of your page, you \
                           must provide a `return_url`.";
            return Err(ApiError::parameter("return_url", message));
        }
        Ok(Self {
            return_url: return_url.map(str::to_owned),
            origin: Some(origin.to_owned()),
            ..self.clone()
        })
    }

    /// The intent as it was just after it was created.
    pub(crate) fn as_created(&self) -> Self {
        let new = NewId {
            id: self.id.clone(),
            seq: self.seq,
            now: self.created,
        };
        let failed = self
            .last_error
            .as_ref()
            .and_then(|error| error.method.clone());
        let method = self.method.clone().or(failed);
        Self::new(new, self.amount, &self.currency, method, self.draft.clone())
    }

    /// The order in the intent's metadata.
    pub(crate) fn order_id(&self) -> Option<&str> {
        self.draft.metadata.get("order_id").map(String::as_str)
    }

    /// The amount that can be captured.
    pub(crate) fn amount_capturable(&self) -> u64 {
        if self.status == Status::RequiresCapture {
            self.amount
        } else {
            0
        }
    }

    /// Attempts the payment with the given method, or otherwise with the attached one. `forced` makes the attempt fail
    /// with any method.
    ///
    /// # Errors
    /// `payment_intent_unexpected_state` when the status does not allow it or there is no method.
    pub(crate) fn confirm(
        &self,
        method: Option<PaymentMethod>,
        session: Session,
        forced: Option<&Decline>,
        new: &NewId,
    ) -> Result<Moved, ApiError> {
        self.allow_confirm()?;
        let method = method.or_else(|| self.method.clone()).ok_or_else(|| {
            ApiError::unexpected_state(
                "You cannot confirm this PaymentIntent because it's missing a payment method. \
                 You can either update the PaymentIntent with a payment method and then confirm \
                 it again, or confirm it again directly with a payment method.",
            )
        })?;
        let intent = Self {
            method: Some(method.clone()),
            last_error: None,
            ..self.clone()
        };
        let charge = Charge::pending(new, &intent, &method);
        Ok(match behaviour(&method, session, forced) {
            Behaviour::Approve => intent.authorised(charge),
            Behaviour::Decline(decline) => intent.declined(Some(charge), decline),
            Behaviour::RequireAction | Behaviour::RequireActionThenDecline(_) => Moved::quietly(
                Self {
                    status: Status::RequiresAction,
                    ..intent
                },
                None,
            ),
            Behaviour::Process => {
                let latest_charge = Some(charge.id.clone());
                let intent = Self {
                    status: Status::Processing,
                    latest_charge,
                    ..intent
                };
                Moved::quietly(intent, Some(charge))
            }
        })
    }

    /// Declines a confirmation with card data that is not valid for any card, without an attempt.
    ///
    /// # Errors
    /// `payment_intent_unexpected_state` when the status does not allow a confirmation.
    pub(crate) fn refuse_card(&self, decline: &Decline) -> Result<Moved, ApiError> {
        self.allow_confirm()?;
        Ok(self.clone().declined(None, decline.clone()))
    }

    /// Cancels the payment. An authorisation that was not captured is released.
    ///
    /// # Errors
    /// `payment_intent_unexpected_state` if it has succeeded or was cancelled.
    pub(crate) fn cancel(
        &self,
        reason: Option<String>,
        charge: Option<&Charge>,
        now: i64,
    ) -> Result<Moved, ApiError> {
        if matches!(self.status, Status::Succeeded | Status::Canceled) {
            return Err(ApiError::unexpected_state(format!(
                "You cannot cancel this PaymentIntent because it has a status of {}. Only a \
                 PaymentIntent with one of the following statuses may be canceled: \
                 requires_payment_method, requires_capture, requires_confirmation, \
                 requires_action, processing.",
                self.status.name()
            )));
        }
        let intent = Self {
            status: Status::Canceled,
            canceled_at: Some(now),
            cancellation_reason: reason,
            ..self.clone()
        };
        let held =
            charge.filter(|charge| charge.status != ChargeStatus::Failed && !charge.is_captured());
        let released = held.map(|charge| Charge {
            status: ChargeStatus::Failed,
            ..charge.clone()
        });
        Ok(Moved::quietly(intent, released))
    }

    /// Captures all or part of the authorised money; the rest is released.
    ///
    /// # Errors
    /// `payment_intent_unexpected_state` unless the status is `requires_capture`; `amount_too_large`.
    pub(crate) fn capture(
        &self,
        amount: Option<u64>,
        charge: Option<&Charge>,
    ) -> Result<Moved, ApiError> {
        let (Status::RequiresCapture, Some(charge)) = (self.status, charge) else {
            return Err(ApiError::unexpected_state(format!(
                "This PaymentIntent could not be captured because it has a status of {}. Only a \
                 PaymentIntent with one of the following statuses may be captured: \
                 requires_capture.",
                self.status.name()
            )));
        };
        let amount = amount.unwrap_or(self.amount);
        if amount > self.amount {
            let message = format!(
                "The requested capture amount is greater than the authorized amount ({}).",
                self.amount
            );
            return Err(
                ApiError::parameter("amount_to_capture", message).with_code("amount_too_large")
            );
        }
        check_step(amount, &self.currency)?;
        let intent = Self {
            status: Status::Succeeded,
            amount_received: amount,
            ..self.clone()
        };
        Ok(Moved::quietly(
            intent,
            Some(charge.clone().succeeded(amount)),
        ))
    }

    /// Settles a payment that waits for the bank or for the customer.
    ///
    /// # Errors
    /// `payment_intent_unexpected_state` when it waits for neither.
    pub(crate) fn settle(
        &self,
        outcome: Settlement,
        charge: Option<&Charge>,
        new: &NewId,
    ) -> Result<Moved, ApiError> {
        match (self.status, &self.method, charge, outcome) {
            (Status::Processing, _, Some(charge), Settlement::Succeeded) => {
                Ok(self.clone().paid(charge.clone()))
            }
            (Status::Processing, _, Some(charge), Settlement::Failed) => {
                let decline = Decline::new("payment_intent_payment_attempt_failed", None);
                Ok(self.clone().declined(Some(charge.clone()), decline))
            }
            (Status::RequiresAction, Some(method), _, Settlement::Succeeded) => {
                let charge = Charge::pending(new, self, method);
                Ok(match &method.behaviour {
                    Behaviour::RequireActionThenDecline(decline) => {
                        self.clone().declined(Some(charge), decline.clone())
                    }
                    _ => self.clone().authorised(charge),
                })
            }
            (Status::RequiresAction, _, _, Settlement::Failed) => {
                let decline = Decline::new("payment_intent_authentication_failure", None);
                Ok(self.clone().declined(None, decline))
            }
            _ => Err(ApiError::unexpected_state(format!(
                "Only a PaymentIntent that is processing or requires_action can be settled; this \
                 one has a status of {}.",
                self.status.name()
            ))),
        }
    }

    fn allow_confirm(&self) -> Result<(), ApiError> {
        match self.status {
            Status::RequiresPaymentMethod
            | Status::RequiresConfirmation
            | Status::RequiresAction => Ok(()),
            Status::Succeeded => Err(ApiError::unexpected_state(
                "You cannot confirm this PaymentIntent because it has already succeeded after \
                 being previously confirmed.",
            )),
            Status::Processing | Status::RequiresCapture | Status::Canceled => {
                Err(ApiError::unexpected_state(format!(
                    "You cannot confirm this PaymentIntent because it has a status of {}. Only a \
                     PaymentIntent with one of the following statuses may be confirmed: \
                     requires_confirmation, requires_action.",
                    self.status.name()
                )))
            }
        }
    }

    fn authorised(self, charge: Charge) -> Moved {
        match self.draft.capture {
            CaptureMethod::Automatic => self.paid(charge),
            CaptureMethod::Manual => {
                let latest_charge = Some(charge.id.clone());
                let intent = Self {
                    status: Status::RequiresCapture,
                    latest_charge,
                    ..self
                };
                Moved::quietly(intent, Some(charge.succeeded(0)))
            }
        }
    }

    fn paid(self, charge: Charge) -> Moved {
        let intent = Self {
            status: Status::Succeeded,
            amount_received: self.amount,
            latest_charge: Some(charge.id.clone()),
            ..self
        };
        let captured = charge.succeeded(intent.amount);
        Moved::quietly(intent, Some(captured))
    }

    fn declined(self, charge: Option<Charge>, decline: Decline) -> Moved {
        let charge = charge.map(|charge| charge.failed(&decline));
        let failed_charge = charge.as_ref().map(|charge| charge.id.clone());
        let last_error = Some(LastError {
            decline: decline.clone(),
            charge: failed_charge.clone(),
            method: self.method.clone(),
        });
        let intent = Self {
            status: Status::RequiresPaymentMethod,
            latest_charge: failed_charge.or(self.latest_charge),
            last_error,
            method: None,
            ..self
        };
        Moved {
            intent,
            charge,
            declined: Some(decline),
        }
    }
}

/// The behaviour of an attempt.
fn behaviour(method: &PaymentMethod, session: Session, forced: Option<&Decline>) -> Behaviour {
    match (forced, &method.behaviour, session) {
        (Some(decline), ..) => Behaviour::Decline(decline.clone()),
        (None, Behaviour::RequireAction | Behaviour::RequireActionThenDecline(_), Session::Off) => {
            let code = "authentication_required";
            Behaviour::Decline(Decline::new(code, Some(code)))
        }
        (None, behaviour, _) => behaviour.clone(),
    }
}

#[cfg(test)]
mod tests;
