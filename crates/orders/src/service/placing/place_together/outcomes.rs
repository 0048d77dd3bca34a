//! The outcomes of the orders of a batch.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use oms_batching::Answer;
use oms_payments::Attempt;

use super::Placed;
use super::draft::Draft;
use super::draft::Level;
use super::price::Priced;
use crate::error::PlacingError;
use crate::service::placing::intake::{Arrival, Intake, Outcome};

/// The outcome of each order, by arrival index.
pub(super) struct Outcomes(Vec<Option<Placed>>);

impl Outcomes {
    pub(super) fn of(count: usize) -> Self {
        Self(std::iter::repeat_with(|| None).take(count).collect())
    }

    /// Records the refusals, and returns the orders that have a price.
    pub(super) fn keep_priced<'a>(
        &mut self,
        priced: Vec<Result<Priced<'a>, PlacingError>>,
    ) -> Vec<Priced<'a>> {
        let mut open = Vec::with_capacity(priced.len());
        for (outcome, priced) in self.0.iter_mut().zip(priced) {
            match priced {
                Ok(priced) => open.push(priced),
                Err(refusal) => *outcome = Some(Answer::Done(Err(refusal))),
            }
        }
        open
    }

    /// Records the orders whose key is taken, whatever else speaks against them, and continues with the others.
    pub(super) fn keep_untaken(
        &mut self,
        arrivals: &[Arc<Arrival>],
        taken: &HashSet<String>,
        open: &mut Vec<Priced<'_>>,
    ) {
        if taken.is_empty() {
            return;
        }
        let is_taken = |arrival: &Arrival| taken.contains(arrival.key.as_str());
        for (outcome, arrival) in self.0.iter_mut().zip(arrivals) {
            if is_taken(arrival) {
                *outcome = Some(Answer::Done(Ok(Intake::KeyTaken)));
            }
        }
        open.retain(|priced| !is_taken(priced.arrival));
    }

    pub(super) fn placed(&mut self, drafts: Vec<Draft<'_>>, placed: Vec<(DateTime<Utc>, Attempt)>) {
        for (draft, (created_at, attempt)) in drafts.into_iter().zip(placed) {
            let order = Box::new(draft.order.placed(created_at));
            self.0[draft.index] = Some(Answer::Done(Ok(Intake::Placed { order, attempt })));
        }
    }

    pub(super) fn refused(
        &mut self,
        refused: &[&Priced<'_>],
        known: &HashSet<String>,
        refusal: impl Fn(usize) -> PlacingError,
    ) {
        for priced in refused {
            let outcome = match known.contains(priced.arrival.key.as_str()) {
                true => Ok(Intake::KeyTaken),
                false => Err(refusal(priced.index)),
            };
            self.0[priced.index] = Some(Answer::Done(outcome));
        }
    }

    pub(super) fn keys_taken(&mut self, taken: &HashSet<usize>) {
        for index in taken {
            self.0[*index] = Some(Answer::Done(Ok(Intake::KeyTaken)));
        }
    }

    /// Records orders that wait for stock locked by other transactions.
    pub(super) fn wait(&mut self, held: &HashMap<usize, Level>) {
        for (index, level) in held {
            self.0[*index] = Some(Answer::Wait(*level));
        }
    }

    pub(super) fn read_back(&mut self, drafts: &[Draft<'_>], found: Vec<Outcome>) {
        for (draft, found) in drafts.iter().zip(found) {
            self.0[draft.index] = Some(Answer::Done(found));
        }
    }

    pub(super) fn into_all(self) -> Vec<Placed> {
        let all = self.0.into_iter();
        all.map(|outcome| {
            outcome.expect("every order was placed or refused, waits, or has a taken key")
        })
        .collect()
    }
}
