//! The worker's turn over stored gateway events: claims the due ones, applies each, and decides when to retry those
//! that failed.

use std::collections::BTreeMap;

use async_trait::async_trait;
use oms_payments::{
    GatewayEvent, claim_gateway_events, find_due_event_tenants, finish_gateway_event,
    postpone_gateway_event, return_gateway_event,
};
use oms_validation::TenantId;
use oms_work::{Batch, WorkList, turn};

use crate::context::OrderContext;
use crate::domain::backoff;
use crate::error::OrderError;
use crate::service::settling::apply_gateway_event::{Applied, Outcome, apply_gateway_event};

/// Number of tries before an event is given up. The sweeper owns every unsettled order; an event only settles it
/// sooner.
const MAX_TRIES: u32 = 10;

/// The result of one turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppliedEvents {
    /// Finished events, by outcome: `paid`, `failed`, `held`, `pending`, `booked`, `superseded`, `unknown_reference`,
    /// `left_to_sweeper`, `left_to_person` and `given_up`.
    pub done: BTreeMap<&'static str, u64>,
    /// Events to apply later, because the gateway or the database did not answer.
    pub postponed: u64,
    /// Events to apply later, because the gateway's breaker refused the calls. Not a try.
    pub refused: u64,
    /// Whether a tenant had a full batch due: there may be more, so call it again immediately.
    pub more_due: bool,
}

impl AppliedEvents {
    /// All possible outcomes of finished events.
    pub fn outcomes() -> impl Iterator<Item = &'static str> {
        Outcome::ALL.into_iter().map(Outcome::as_str)
    }

    fn count(&mut self, applied: &Applied) {
        match applied {
            Applied::Done(outcome) => *self.done.entry(outcome.as_str()).or_default() += 1,
            Applied::TryAgain { .. } => self.postponed += 1,
            Applied::Refused => self.refused += 1,
        }
    }
}

/// Takes one turn: applies one bounded batch of due gateway events of each tenant. Several instances may do so at the
/// same time. Does nothing while the gateway's breaker refuses calls.
///
/// An event is applied at least once, and changes an order at most once: orders are settled by compare-and-set, as
/// everywhere.
///
/// # Errors
/// If the database can't list what is due. An event that can't be applied, and a tenant whose events can't be read,
/// delay no other.
pub async fn apply_gateway_events(context: &OrderContext) -> Result<AppliedEvents, OrderError> {
    let mut applied = AppliedEvents::default();
    if !context.gateway.is_available() {
        return Ok(applied);
    }
    let turn = turn(&DueEvents(context), &context.stopping).await?;
    applied.more_due = turn.more_due;
    let concluded = turn.outcomes.iter().flatten();
    concluded.for_each(|it| applied.count(it));
    Ok(applied)
}

/// The unapplied gateway events. An entry consists of all claimed events about one payment, so that it is read once.
struct DueEvents<'a>(&'a OrderContext);

#[async_trait]
impl WorkList for DueEvents<'_> {
    type Entry = Vec<GatewayEvent>;
    type Outcome = Vec<Applied>;
    type Error = OrderError;

    const ENTRIES: &'static str = "gateway events";

    async fn find_due_tenants(&self) -> Result<Vec<TenantId>, OrderError> {
        let mut connection = self.0.database.acquire().await?;
        Ok(find_due_event_tenants(&mut connection).await?)
    }

    fn tenants_meanwhile(&self) -> Vec<TenantId> {
        self.0.tenants_meanwhile()
    }

    /// Claims with the sweeper's lease, which is longer than settling one order takes.
    async fn claim(&self, tenant: TenantId) -> Result<Batch<Vec<GatewayEvent>>, OrderError> {
        let settings = &self.0.settings;
        let (limit, lease) = (settings.sweep_batch, settings.sweep_lease);
        let mut connection = self.0.database.acquire().await?;
        let events = claim_gateway_events(&mut connection, tenant, limit, lease).await?;
        Ok(Batch {
            is_full: events.len() >= limit,
            entries: by_payment(events),
        })
    }

    async fn work(&self, tenant: TenantId, events: &Vec<GatewayEvent>) -> Vec<Applied> {
        let Some(first) = events.first() else {
            return Vec::new();
        };
        let applied = apply_gateway_event(self.0, tenant, first).await;
        let applied = applied.unwrap_or_else(|error| Applied::TryAgain {
            reason: error.to_string(),
        });
        conclude_all(self.0, tenant, events, applied).await
    }

    async fn postpone_panicked(
        &self,
        tenant: TenantId,
        events: &Vec<GatewayEvent>,
    ) -> Vec<Applied> {
        let applied = Applied::TryAgain {
            reason: "the program panicked; see its log".to_owned(),
        };
        conclude_all(self.0, tenant, events, applied).await
    }
}

/// Groups events by payment. A payment often causes several events at almost the same time; they are applied together,
/// so that the payment is read once.
fn by_payment(events: Vec<GatewayEvent>) -> Vec<Vec<GatewayEvent>> {
    let mut payments: BTreeMap<(String, String), Vec<GatewayEvent>> = BTreeMap::new();
    for event in events {
        let payment = (event.gateway.clone(), event.reference.as_str().to_owned());
        payments.entry(payment).or_default().push(event);
    }
    // The first event stands for all, so the one that needs the most reads comes first.
    for events in payments.values_mut() {
        events.sort_by_key(|event| !event.is_about_money_given_back());
    }
    payments.into_values().collect()
}

async fn conclude_all(
    context: &OrderContext,
    tenant: TenantId,
    events: &[GatewayEvent],
    mut applied: Applied,
) -> Vec<Applied> {
    let mut all_concluded = Vec::new();
    for event in events {
        let concluded = conclude(context, tenant, event, &applied).await;
        all_concluded.push(concluded.unwrap_or_else(|error| {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(event_id = %event.id, cause, "the outcome of a gateway event could not be stored");
            // Its lease is its backoff.
            Applied::TryAgain {
                reason: error.to_string(),
            }
        }));
        applied = applied.for_the_next();
    }
    all_concluded
}

impl Applied {
    /// The result for the other events about the same payment.
    fn for_the_next(self) -> Self {
        match self {
            Self::Done(Outcome::Paid | Outcome::Failed | Outcome::Held | Outcome::Booked) => {
                Self::Done(Outcome::Superseded)
            }
            other => other,
        }
    }
}

/// Stores the result of a try and returns it. After too many tries the event is given up.
async fn conclude(
    context: &OrderContext,
    tenant: TenantId,
    event: &GatewayEvent,
    applied: &Applied,
) -> Result<Applied, OrderError> {
    let (base, cap) = context.settings.sweep_backoff;
    let delay = backoff::delay(base, cap, event.lease.tries, rand::random());
    let mut connection = context.database.acquire().await?;
    let event_id = &event.id;
    let outcome = match applied {
        Applied::Done(outcome) => *outcome,
        Applied::Refused => {
            return_gateway_event(&mut connection, tenant, event, delay).await?;
            return Ok(Applied::Refused);
        }
        Applied::TryAgain { reason } if event.lease.tries < MAX_TRIES => {
            tracing::warn!(%event_id, reason, tries = event.lease.tries, "a gateway event can't be applied yet");
            postpone_gateway_event(&mut connection, tenant, event, delay).await?;
            return Ok(applied.clone());
        }
        Applied::TryAgain { reason } => {
            tracing::warn!(%event_id, reason, tries = event.lease.tries, "a gateway event was given up");
            Outcome::GivenUp
        }
    };
    finish_gateway_event(&mut connection, tenant, event, outcome.as_str()).await?;
    tracing::debug!(%event_id, kind = event.kind, outcome = outcome.as_str(), "a gateway event was applied");
    Ok(Applied::Done(outcome))
}
