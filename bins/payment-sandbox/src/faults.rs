//! The fault plan: which calls fail, how, and how often. Pure: it only decides; [`crate::gateway`],
//! [`crate::stripe_api`] and [`crate::webhooks`] execute the actions.

mod webhook;

pub(crate) use webhook::{WebhookAction, WebhookFacts};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{api_error::ApiError, cards::Decline, endpoint::Operation, events::EventKind};

/// A plan as posted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanDraft {
    pub(crate) rules: Vec<RuleDraft>,
}

/// One rule of a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RuleDraft {
    operation: OperationFilter,
    /// An [`Action`], or a [`WebhookAction`] if the operation is `webhook`.
    action: Value,
    /// The number of matching calls that pass before the rule fires.
    #[serde(default)]
    skip: u64,
    /// How often it fires; `null` means without limit.
    #[serde(default = "once")]
    times: Option<u64>,
    /// Only calls about this order (`metadata[order_id]` of the intent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    /// Only webhooks of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_type: Option<EventKind>,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "serde's default must have the field's type"
)]
fn once() -> Option<u64> {
    Some(1)
}

/// The operations that a rule applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum OperationFilter {
    One(Operation),
    Wide(Wide),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wide {
    /// Every call.
    Any,
    /// Deliveries of events, and no calls.
    Webhook,
}

/// The fault of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(crate) enum Action {
    /// Normal, after a delay.
    Delay {
        /// The delay.
        ms: u64,
    },
    /// Normal, when the plan is deleted.
    Hold,
    /// No effect and no answer.
    NoAnswerBefore,
    /// The effect, but no answer.
    NoAnswerAfter,
    /// No effect, and an error.
    ErrorBefore {
        /// 500, 502, 503 or 429.
        status: u16,
    },
    /// The effect, but an error.
    ErrorAfter {
        /// 500, 502 or 503; a 429 is rejected before execution.
        status: u16,
    },
    /// A deliberate defect: the effect happens when the plan is deleted, even if the intent was cancelled meanwhile.
    /// The charge then exists although the intent is cancelled.
    LateEffect {
        /// The delay before a 502; no answer if absent.
        ms: Option<u64>,
    },
    /// The effect, and a very slow answer.
    Drip {
        /// The rate.
        bytes_per_second: u32,
    },
    /// The effect, and half of the answer.
    Truncate,
    /// No effect; the connection is closed without a byte.
    Refuse,
    /// The payment is declined with any card.
    Decline {
        /// Stripe's error code.
        code: String,
        /// Stripe's decline code.
        decline_code: Option<String>,
    },
}

/// The facts that rules for calls are matched against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) operation: Operation,
    pub(crate) order_id: Option<&'a str>,
    /// Whether the call would attempt a payment.
    pub(crate) pays: bool,
    /// Whether its answer is already stored under its idempotency key.
    pub(crate) replay: bool,
}

/// An active rule, and how often it has matched.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule {
    #[serde(flatten)]
    draft: RuleDraft,
    #[serde(skip)]
    fault: Fault,
    skipped: u64,
    fired: u64,
}

/// A rule's action, after validation.
#[derive(Clone, Debug)]
enum Fault {
    Call(Action),
    Webhook(WebhookAction),
}

/// The active rules.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct FaultPlan {
    rules: Vec<Rule>,
}

impl FaultPlan {
    /// Creates a plan of these rules.
    ///
    /// # Errors
    /// 400 for a rule that could never work.
    pub(crate) fn new(draft: PlanDraft) -> Result<Self, ApiError> {
        let rules: Result<Vec<Rule>, ApiError> =
            draft.rules.into_iter().map(RuleDraft::rule).collect();
        Ok(Self { rules: rules? })
    }

    /// The action of the first rule that matches a call and is not used up.
    pub(crate) fn take(&mut self, facts: Facts<'_>) -> Option<Action> {
        self.rules.iter_mut().find_map(|rule| {
            let action = rule.for_call(facts).cloned()?;
            rule.fires().then_some(action)
        })
    }

    /// The action of the first rule that matches an event and is not used up.
    pub(crate) fn take_webhook(&mut self, facts: WebhookFacts<'_>) -> Option<WebhookAction> {
        self.rules.iter_mut().find_map(|rule| {
            let action = *rule.for_webhook(facts)?;
            rule.fires().then_some(action)
        })
    }
}

impl Rule {
    fn for_call(&self, facts: Facts<'_>) -> Option<&Action> {
        let Fault::Call(action) = &self.fault else {
            return None;
        };
        let operation_fits = match self.draft.operation {
            OperationFilter::One(operation) => operation == facts.operation,
            OperationFilter::Wide(Wide::Any) => true,
            OperationFilter::Wide(Wide::Webhook) => false,
        };
        let action_fits = !matches!(action, Action::Decline { .. }) || facts.pays;
        let matches = operation_fits
            && action_fits
            && !(action.is_inside() && facts.replay)
            && self.concerns(facts.order_id);
        matches.then_some(action)
    }

    fn for_webhook(&self, facts: WebhookFacts<'_>) -> Option<&WebhookAction> {
        let Fault::Webhook(action) = &self.fault else {
            return None;
        };
        let kind_fits = self.draft.event_type.is_none_or(|kind| kind == facts.kind);
        (kind_fits && self.concerns(facts.order_id)).then_some(action)
    }

    fn concerns(&self, order_id: Option<&str>) -> bool {
        let wanted = self.draft.order_id.as_deref();
        wanted.is_none_or(|wanted| order_id == Some(wanted))
    }

    /// Counts a match, and returns whether the rule fires for it.
    fn fires(&mut self) -> bool {
        if self.draft.times.is_some_and(|times| self.fired >= times) {
            return false;
        }
        if self.skipped < self.draft.skip {
            self.skipped += 1;
            return false;
        }
        self.fired += 1;
        true
    }
}

impl RuleDraft {
    fn rule(self) -> Result<Rule, ApiError> {
        let fault = match self.operation {
            OperationFilter::Wide(Wide::Webhook) => Fault::Webhook(action(&self.action)?),
            OperationFilter::One(_) | OperationFilter::Wide(Wide::Any) => {
                let action = action(&self.action)?;
                self.check(&action).map_err(refused)?;
                Fault::Call(action)
            }
        };
        Ok(Rule {
            draft: self,
            fault,
            skipped: 0,
            fired: 0,
        })
    }

    fn check(&self, action: &Action) -> Result<(), &'static str> {
        let confirms = self.operation == OperationFilter::One(Operation::Confirm);
        match action {
            _ if self.event_type.is_some() => Err("Only webhooks have an eventType."),
            Action::ErrorBefore { status } if ![429, 500, 502, 503].contains(status) => {
                Err("An error's status must be 429, 500, 502 or 503.")
            }
            Action::ErrorAfter { status } if ![500, 502, 503].contains(status) => Err(
                "An error after the effect must be 500, 502 or 503: Stripe rejects a call with 429 before it \
                 executes anything.",
            ),
            Action::Decline { .. } if !self.operation.can_pay() => {
                Err("Only create, confirm and any can be declined.")
            }
            Action::LateEffect { .. } if !confirms => Err("Only confirm can take effect late."),
            Action::Drip {
                bytes_per_second: 0,
            } => Err("An answer must drip at least one byte per second."),
            _ => Ok(()),
        }
    }
}

fn action<T: DeserializeOwned>(action: &Value) -> Result<T, ApiError> {
    T::deserialize(action).map_err(|error| refused(&format!("Invalid action: {error}")))
}

fn refused(problem: &str) -> ApiError {
    ApiError::parameter("rules", problem)
}

impl OperationFilter {
    fn can_pay(self) -> bool {
        match self {
            Self::One(operation) => matches!(operation, Operation::Create | Operation::Confirm),
            Self::Wide(Wide::Any) => true,
            Self::Wide(Wide::Webhook) => false,
        }
    }
}

impl Action {
    /// Whether the call is lost on its way here, as if it had never been sent.
    pub(crate) fn loses_request(&self) -> bool {
        matches!(self, Self::NoAnswerBefore | Self::Refuse)
    }

    /// Whether it happens inside Stripe, once per idempotency key. Faults on the way there and back can affect a replay
    /// too.
    fn is_inside(&self) -> bool {
        matches!(
            self,
            Self::Decline { .. }
                | Self::LateEffect { .. }
                | Self::ErrorBefore { status: 500 }
                | Self::ErrorAfter { status: 500 }
        )
    }

    /// The decline that it forces, if any.
    pub(crate) fn decline(&self) -> Option<Decline> {
        match self {
            Self::Decline { code, decline_code } => {
                Some(Decline::new(code, decline_code.as_deref()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
