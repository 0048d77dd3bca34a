//! Reading the ledger: queries, and the order that a call is about.

use serde_json::Value;

use super::Ledger;
use crate::{
    answer::Answer,
    api_error::ApiError,
    rendering,
    requests::{Command, Query, RefundOf, Request},
};

impl Ledger {
    /// Answers a query.
    pub(crate) fn query(&self, query: &Query) -> Answer {
        let found = match query {
            Query::Intent(id) => self.intents.get(id).map(rendering::intent),
            Query::Charge(id) => self.charges.get(id).map(rendering::charge),
            Query::Refund(id) => self.refunds.get(id).map(rendering::refund),
            Query::Dispute(id) => self.disputes.get(id).map(rendering::dispute),
            Query::Disputes {
                page,
                created,
                intent,
                charge,
            } => self
                .disputes
                .page(page, |dispute| {
                    created.contains(dispute.created)
                        && intent.as_ref().is_none_or(|id| *id == dispute.intent_id)
                        && charge.as_ref().is_none_or(|id| *id == dispute.charge_id)
                })
                .map(|found| list("/v1/disputes", found, rendering::dispute)),
            Query::Event(id) => self.events.get(id).map(rendering::event),
            Query::Intents { page, created } => self
                .intents
                .page(page, |intent| created.contains(intent.created))
                .map(|found| list("/v1/payment_intents", found, rendering::intent)),
            Query::Charges {
                page,
                created,
                intent,
            } => self
                .charges
                .page(page, |charge| {
                    created.contains(charge.created)
                        && intent.as_ref().is_none_or(|id| *id == charge.intent_id)
                })
                .map(|found| list("/v1/charges", found, rendering::charge)),
            Query::Events {
                page,
                created,
                kinds,
            } => self
                .events
                .page(page, |event| {
                    created.contains(event.created)
                        && (kinds.is_empty() || kinds.iter().any(|kind| event.is(kind)))
                })
                .map(|found| list("/v1/events", found, rendering::event)),
            Query::Refunds {
                page,
                created,
                intent,
                charge,
            } => self
                .refunds
                .page(page, |refund| {
                    created.contains(refund.created)
                        && intent.as_ref().is_none_or(|id| *id == refund.intent_id)
                        && charge.as_ref().is_none_or(|id| *id == refund.charge_id)
                })
                .map(|found| list("/v1/refunds", found, rendering::refund)),
        };
        match found {
            Ok(document) => Answer::ok(&document),
            Err(error) => error.answer(),
        }
    }

    /// Returns the order that a call is about, if known.
    pub(crate) fn order_of<'a>(
        &'a self,
        request: &'a Result<Request, ApiError>,
    ) -> Option<&'a str> {
        match request {
            Ok(Request::Command(command)) => self.order_of_command(command),
            Ok(Request::Query(query)) => self.order_of_query(query),
            Err(_) => None,
        }
    }

    fn order_of_command<'a>(&'a self, command: &'a Command) -> Option<&'a str> {
        match command {
            Command::Create(create) => create.draft.metadata.get("order_id").map(String::as_str),
            Command::Confirm { id, .. }
            | Command::Cancel { id, .. }
            | Command::Capture { id, .. } => self.order_of_intent(id),
            Command::Refund {
                of: RefundOf::Intent(id),
                ..
            } => self.order_of_intent(id),
            Command::Refund {
                of: RefundOf::Charge(id),
                ..
            } => self.order_of_charge(id),
        }
    }

    fn order_of_query(&self, query: &Query) -> Option<&str> {
        match query {
            Query::Intent(id) => self.order_of_intent(id),
            Query::Charge(id) => self.order_of_charge(id),
            Query::Refund(id) => self.order_of_intent(&self.refunds.find(id)?.intent_id),
            Query::Dispute(id) => self.order_of_intent(&self.disputes.find(id)?.intent_id),
            Query::Event(id) => self.events.find(id)?.order_id.as_deref(),
            Query::Intents { .. }
            | Query::Charges { .. }
            | Query::Disputes { .. }
            | Query::Refunds { .. }
            | Query::Events { .. } => None,
        }
    }

    fn order_of_intent(&self, id: &str) -> Option<&str> {
        self.intents.find(id)?.order_id()
    }

    fn order_of_charge(&self, id: &str) -> Option<&str> {
        self.order_of_intent(&self.charges.find(id)?.intent_id)
    }
}

fn list<T>(url: &str, (found, has_more): (Vec<&T>, bool), render: fn(&T) -> Value) -> Value {
    let data: Vec<Value> = found.into_iter().map(render).collect();
    rendering::list(url, &data, has_more)
}
