//! The history of calls to a gateway: the request, the answer, and the duration. It contains no secret and no payment
//! method: it has no field that could hold one.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use oms_validation::OrderId;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Attempt, AttemptId, Operation, Reference};

/// Longest outcome, in characters; the column has the same limit.
const MAX_OUTCOME: usize = 250;
/// Longest name of a caller, in characters; the column has the same limit.
const MAX_ACTOR: usize = 300;

/// A stored call to a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayCall {
    /// The call's ID.
    pub id: Uuid,
    /// The order that it was about.
    pub order_id: OrderId,
    /// The attempt that it was about.
    pub attempt_id: AttemptId,
    /// The number of that attempt.
    pub attempt_number: i32,
    /// Who called: `api`, `sweeper`, `operator:ann`, …; `None` for calls from before this was recorded.
    pub actor: Option<String>,
    /// The name of the [`Operation`].
    pub operation: String,
    /// How often this operation was called for this attempt up to this call: 1 for the first time.
    pub repetition: u32,
    /// The gateway's name.
    pub gateway: String,
    /// The gateway's name for the payment, or for the refund.
    pub reference: Option<Reference>,
    /// The gateway's request ID, for its support team.
    pub request_id: Option<String>,
    /// The answer: `paid`, `declined:insufficient_funds`, `timed_out`, `server_error:500` …
    pub outcome: String,
    /// Whether its effect is known.
    pub effect: CallEffect,
    /// How long it took.
    pub duration: Duration,
    /// When it was made, by the database's clock.
    pub called_at: DateTime<Utc>,
}

/// Whether the effect of a call is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum CallEffect {
    /// The gateway reported what it did, or it is known to have done nothing.
    Known,
    /// The gateway may or may not have done it.
    Unknown,
}

impl CallEffect {
    /// The name, as stored and as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Unknown => "unknown",
        }
    }
}

/// Calls that were made and are not stored yet. They are stored with the next write that happens anyway: pass them to
/// [`close_attempts`](crate::close_attempts), or, where nothing is closed, to [`save_calls`](crate::save_calls).
#[derive(Clone, Debug, Default)]
#[must_use = "calls that are not saved are missing in the history"]
pub struct UnsavedCalls(Vec<UnsavedCall>);

/// One call that is not stored yet.
#[derive(Clone, Debug)]
pub(crate) struct UnsavedCall {
    pub(crate) id: Uuid,
    pub(crate) order_id: OrderId,
    pub(crate) attempt_id: AttemptId,
    pub(crate) actor: Option<String>,
    pub(crate) operation: Operation,
    pub(crate) gateway: String,
    pub(crate) reference: Option<Reference>,
    pub(crate) request_id: Option<String>,
    pub(crate) outcome: String,
    pub(crate) effect: CallEffect,
    pub(crate) began: Instant,
    pub(crate) duration: Duration,
}

/// The answer to a call.
pub(crate) struct CallAnswer {
    pub(crate) reference: Option<Reference>,
    pub(crate) request_id: Option<String>,
    pub(crate) outcome: String,
    pub(crate) effect: CallEffect,
}

impl UnsavedCalls {
    /// No calls.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Whether there is nothing to save.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends later calls.
    pub fn extend(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, UnsavedCall> {
        self.0.iter()
    }

    /// Adds a call that `actor` made, which began then and has just ended. Values that do not fit their column are
    /// omitted, so that the history never fails the write that it travels with.
    pub(crate) fn add(
        &mut self,
        attempt: &Attempt,
        actor: &str,
        operation: Operation,
        began: Instant,
        answer: CallAnswer,
    ) {
        let mut outcome = answer.outcome;
        outcome.retain(|c| c.is_ascii_graphic());
        outcome.truncate(MAX_OUTCOME);
        self.0.push(UnsavedCall {
            id: Uuid::now_v7(),
            order_id: attempt.order_id,
            attempt_id: attempt.id,
            actor: is_name(actor).then(|| actor.to_owned()),
            operation,
            gateway: attempt.gateway.clone(),
            reference: answer.reference,
            request_id: answer.request_id.filter(|id| is_request_id(id)),
            outcome,
            effect: answer.effect,
            began,
            duration: began.elapsed(),
        });
    }
}

fn is_name(text: &str) -> bool {
    (1..=MAX_ACTOR).contains(&text.chars().count())
}

/// Whether it is 1 to 100 letters, digits, underscores and dashes.
fn is_request_id(text: &str) -> bool {
    let of_an_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=100).contains(&text.len()) && text.bytes().all(of_an_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttemptState, NewAttempt};
    use oms_validation::{Currency, Money};

    fn attempt() -> Attempt {
        let new = NewAttempt {
            id: AttemptId::generate(),
            order_id: OrderId::generate(),
            number: 1,
            amount: Money {
                amount_minor: 1,
                currency: Currency::parse("USD").unwrap(),
            },
            gateway: "fake".to_owned(),
        };
        assert_eq!(new.recorded().state, AttemptState::Created);
        new.recorded()
    }

    #[test]
    fn a_value_that_does_not_fit_its_column_is_omitted() {
        let mut calls = UnsavedCalls::none();
        for (request_id, actor) in [
            ("req_1", "operator:ann"),
            ("", ""),
            ("re q", &"ä".repeat(300)),
            (&"x".repeat(101), &"ä".repeat(301)),
        ] {
            let answer = CallAnswer {
                reference: None,
                request_id: Some(request_id.to_owned()),
                outcome: format!("é {}", "x".repeat(300)),
                effect: CallEffect::Known,
            };
            let (attempt, began) = (attempt(), Instant::now());
            calls.add(&attempt, actor, Operation::Lookup, began, answer);
        }
        let ids: Vec<_> = calls.iter().map(|call| call.request_id.clone()).collect();
        assert_eq!(ids, [Some("req_1".to_owned()), None, None, None]);
        let actors: Vec<_> = calls.iter().map(|call| call.actor.clone()).collect();
        assert_eq!(
            actors,
            [
                Some("operator:ann".to_owned()),
                None,
                Some("ä".repeat(300)),
                None
            ]
        );
        assert!(calls.iter().all(|call| call.outcome == "x".repeat(250)));
    }
}
