//! The fault plan: which calls go wrong, how, and how often. Pure: it only decides; carrying an
//! action out is the business of [`crate::gateway`] and [`crate::stripe_api`].

use serde::{Deserialize, Serialize};

use crate::{api_error::ApiError, cards::Decline, endpoint::Operation};

/// A plan as it is posted.
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
    action: Action,
    /// So many matching calls pass before the rule fires.
    #[serde(default)]
    skip: u64,
    /// So many times it fires; `null` means for ever.
    #[serde(default = "once")]
    times: Option<u64>,
    /// Only calls about this order (`metadata[order_id]` of the intent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "serde's default has to have the field's type"
)]
fn once() -> Option<u64> {
    Some(1)
}

/// Which operations a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum OperationFilter {
    One(Operation),
    All(Any),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Any {
    Any,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(crate) enum Action {
    /// Normal, after a while.
    Delay {
        /// How long.
        ms: u64,
    },
    /// Normal, after the plan was deleted.
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
    /// The effect, and an error all the same.
    ErrorAfter {
        /// 500, 502, 503 or 429.
        status: u16,
    },
    /// The effect, and half of the answer.
    Truncate,
    /// No effect; the connection is closed without a byte.
    Refuse,
    /// The payment is declined, whatever the card.
    Decline {
        /// Stripe's error code.
        code: String,
        /// Stripe's decline code.
        decline_code: Option<String>,
    },
}

/// What a rule is matched against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) operation: Operation,
    pub(crate) order_id: Option<&'a str>,
    /// Whether the call would attempt a payment.
    pub(crate) pays: bool,
    /// Whether its answer is already stored under its idempotency key.
    pub(crate) replay: bool,
}

/// A rule in force, and what it has done so far.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule {
    #[serde(flatten)]
    draft: RuleDraft,
    skipped: u64,
    fired: u64,
}

/// The rules in force.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct FaultPlan {
    rules: Vec<Rule>,
}

impl FaultPlan {
    /// A plan of these rules.
    ///
    /// # Errors
    /// 400 for a rule that could never do what it says.
    pub(crate) fn new(draft: PlanDraft) -> Result<Self, ApiError> {
        draft.rules.iter().try_for_each(RuleDraft::check)?;
        let rules = draft.rules.into_iter();
        Ok(Self {
            rules: rules
                .map(|draft| Rule {
                    draft,
                    skipped: 0,
                    fired: 0,
                })
                .collect(),
        })
    }

    /// The action of the first rule that matches and has not fired often enough yet.
    pub(crate) fn take(&mut self, facts: Facts<'_>) -> Option<Action> {
        for rule in &mut self.rules {
            if !rule.matches(facts) || rule.draft.times.is_some_and(|times| rule.fired >= times) {
                continue;
            }
            if rule.skipped < rule.draft.skip {
                rule.skipped += 1;
                continue;
            }
            rule.fired += 1;
            return Some(rule.draft.action.clone());
        }
        None
    }
}

impl Rule {
    fn matches(&self, facts: Facts<'_>) -> bool {
        let RuleDraft {
            operation,
            action,
            order_id,
            ..
        } = &self.draft;
        let operation_fits = match operation {
            OperationFilter::One(operation) => *operation == facts.operation,
            OperationFilter::All(Any::Any) => true,
        };
        // What happens inside Stripe happens once per idempotency key; what happens on the way
        // there and back can happen to a replay too.
        let inside = matches!(
            action,
            Action::Decline { .. }
                | Action::ErrorBefore { status: 500 }
                | Action::ErrorAfter { status: 500 }
        );
        let action_fits = !matches!(action, Action::Decline { .. }) || facts.pays;
        operation_fits
            && action_fits
            && !(inside && facts.replay)
            && order_id
                .as_deref()
                .is_none_or(|id| facts.order_id == Some(id))
    }
}

impl RuleDraft {
    fn check(&self) -> Result<(), ApiError> {
        match &self.action {
            Action::ErrorBefore { status } | Action::ErrorAfter { status }
                if ![429, 500, 502, 503].contains(status) =>
            {
                Err(ApiError::parameter(
                    "rules",
                    "An error's status is 429, 500, 502 or 503.",
                ))
            }
            Action::Decline { .. } if !self.operation.can_pay() => Err(ApiError::parameter(
                "rules",
                "Only create, confirm and any can be declined.",
            )),
            _ => Ok(()),
        }
    }
}

impl OperationFilter {
    fn can_pay(self) -> bool {
        match self {
            Self::One(operation) => matches!(operation, Operation::Create | Operation::Confirm),
            Self::All(Any::Any) => true,
        }
    }
}

impl Action {
    /// Whether the call is to be lost on its way here, as if it had never been sent.
    pub(crate) fn loses_request(&self) -> bool {
        matches!(self, Self::NoAnswerBefore | Self::Refuse)
    }

    /// The decline it forces, if it does.
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
mod tests {
    use super::*;

    const CONFIRM: Facts<'_> = Facts {
        operation: Operation::Confirm,
        order_id: Some("o1"),
        pays: true,
        replay: false,
    };

    fn plan(rules: &str) -> Result<FaultPlan, String> {
        let draft = serde_json::from_str(&format!("{{\"rules\":[{rules}]}}"));
        FaultPlan::new(draft.map_err(|error| error.to_string())?).map_err(|e| e.answer().body)
    }

    #[test]
    fn the_first_matching_rule_fires_as_often_as_it_says_after_its_skips() {
        let mut plan = plan(
            r#"{"operation":"confirm","action":{"type":"refuse"},"skip":1,"times":2},
               {"operation":"any","action":{"type":"delay","ms":5},"times":null}"#,
        )
        .unwrap();
        let taken: Vec<_> = (0..4).map(|_| plan.take(CONFIRM).unwrap()).collect();
        let delay = Action::Delay { ms: 5 };
        assert_eq!(
            taken,
            [delay.clone(), Action::Refuse, Action::Refuse, delay]
        );
        let shown = serde_json::to_value(&plan).unwrap();
        assert_eq!(shown["rules"][0]["fired"], 2);
        assert_eq!(shown["rules"][1]["times"], serde_json::Value::Null);
    }

    #[test]
    fn a_rule_without_times_fires_once() {
        let mut plan = plan(r#"{"operation":"confirm","action":{"type":"hold"}}"#).unwrap();
        assert!(plan.take(CONFIRM).is_some() && plan.take(CONFIRM).is_none());
    }

    #[test]
    fn a_rule_for_an_order_leaves_others_alone() {
        let rule = r#"{"operation":"any","action":{"type":"refuse"},"orderId":"o2"}"#;
        let mut plan = plan(rule).unwrap();
        assert_eq!(plan.take(CONFIRM), None);
        assert_eq!(
            plan.take(Facts {
                order_id: None,
                ..CONFIRM
            }),
            None
        );
        assert!(
            plan.take(Facts {
                order_id: Some("o2"),
                ..CONFIRM
            })
            .is_some()
        );
    }

    #[test]
    fn a_replay_meets_the_network_but_is_not_executed_again() {
        let replay = Facts {
            replay: true,
            ..CONFIRM
        };
        for action in [
            r#""error_after","status":500"#,
            r#""decline","code":"card_declined""#,
        ] {
            let rule = format!(r#"{{"operation":"any","action":{{"type":{action}}}}}"#);
            assert_eq!(plan(&rule).unwrap().take(replay), None, "{action}");
        }
        let rule = r#"{"operation":"any","action":{"type":"error_after","status":503}}"#;
        assert!(plan(rule).unwrap().take(replay).is_some());
    }

    #[test]
    fn rules_that_make_no_sense_are_refused() {
        for rule in [
            r#"{"operation":"any","action":{"type":"error_after","status":404}}"#,
            r#"{"operation":"cancel","action":{"type":"decline","code":"card_declined"}}"#,
            r#"{"operation":"pay","action":{"type":"hold"}}"#,
            r#"{"operation":"any","action":{"type":"explode"}}"#,
            r#"{"operation":"any","action":{"type":"hold"},"order_id":"o1"}"#,
        ] {
            assert!(plan(rule).is_err(), "{rule}");
        }
    }
}
