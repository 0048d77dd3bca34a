//! The control API's operations on the gateway, under the same mutex and through the same journal.

use serde_json::{Value, json};

use super::{Books, Calls, Gateway};
use crate::{
    answer::Answer,
    api_error::ApiError,
    disputes::{DisputeStatus, NewDispute},
    events::Origin,
    faults::{FaultPlan, PlanDraft},
    idempotency::{Expired, IdempotencyKeys},
    intents::{Intent, Settlement, Tampering},
    ledger::{Change, Executed, Ledger, StrayCharge},
    limits::RateLimit,
    overview,
    refunds::RefundSettlement,
    rendering,
    webhooks::{Outbox, WebhookEndpoint},
};

impl Gateway {
    /// Replaces the fault plan. Held calls stay held.
    ///
    /// # Errors
    /// 400 for an invalid rule.
    pub(crate) fn set_plan(&self, draft: PlanDraft) -> Result<Value, ApiError> {
        let plan = FaultPlan::new(draft)?;
        let mut books = self.books();
        books.plan = plan;
        Ok(overview::plan(&books.plan))
    }

    /// The fault plan, and how often each rule fired.
    pub(crate) fn plan(&self) -> Value {
        overview::plan(&self.books().plan)
    }

    /// Clears the fault plan and releases held calls.
    pub(crate) fn clear_plan(&self) -> Value {
        let mut books = self.books();
        books.plan = FaultPlan::default();
        books.outbox.release();
        self.gate.send_modify(|gate| gate.released += 1);
        self.news.notify_one();
        overview::plan(&books.plan)
    }

    /// Counts of calls and of effects.
    pub(crate) fn stats(&self) -> Value {
        let books = self.books();
        overview::stats(
            &books.ledger,
            &books.calls,
            books.limit.refused,
            books.outbox.sent,
        )
    }

    /// Everything about one order.
    pub(crate) fn order(&self, order_id: &str) -> Value {
        let books = self.books();
        overview::order(&books.ledger, &books.calls, order_id)
    }

    /// The current state of a payment; `None` if there is none with this ID.
    pub(crate) fn intent(&self, id: &str) -> Option<Intent> {
        self.books().ledger.intents.find(id).cloned()
    }

    /// Settles a payment that waits for the bank or the customer.
    pub(crate) fn settle(&self, id: &str, outcome: Settlement) -> Answer {
        let mut books = self.books();
        let executed = books.ledger.settle(id, outcome, self.now());
        self.commit(&mut books, executed)
    }

    /// Makes a charge that no call requested.
    pub(crate) fn stray_charge(&self, stray: StrayCharge) -> Answer {
        let mut books = self.books();
        let executed = books.ledger.stray_charge(stray, self.now());
        self.commit(&mut books, executed)
    }

    /// Changes a refund after it was made.
    pub(crate) fn settle_refund(&self, id: &str, settlement: &RefundSettlement) -> Answer {
        let mut books = self.books();
        let executed = books.ledger.settle_refund(id, settlement);
        self.commit(&mut books, executed)
    }

    /// Opens a customer's dispute of a charge.
    pub(crate) fn open_dispute(&self, new: &NewDispute) -> Answer {
        let mut books = self.books();
        let executed = books.ledger.open_dispute(new, self.now());
        self.commit(&mut books, executed)
    }

    /// Changes the state of a dispute.
    pub(crate) fn settle_dispute(&self, id: &str, status: DisputeStatus) -> Answer {
        let mut books = self.books();
        let executed = books.ledger.settle_dispute(id, status);
        self.commit(&mut books, executed)
    }

    /// Changes amounts behind the client's back, without an event.
    pub(crate) fn tamper(&self, id: &str, with: &Tampering) -> Answer {
        let mut books = self.books();
        let Executed { answer, change } = books.ledger.tamper(id, with);
        books
            .record(change)
            .map_or_else(|error| error.answer(), |()| answer)
    }

    /// Forgets idempotency keys before they expire.
    pub(crate) fn expire_keys(&self, which: Expired) -> Answer {
        let mut books = self.books();
        let before = books.keys.kept(self.now()).count();
        let expired = books.record(Change {
            expired: Some(which),
            ..Change::default()
        });
        let number = before - books.keys.kept(self.now()).count();
        expired.map_or_else(
            |error| error.answer(),
            |()| Answer::ok(&json!({ "expired": number })),
        )
    }

    /// Sets or removes the rate limit.
    pub(crate) fn set_limit(&self, per_second: Option<u64>) -> Value {
        self.books().limit.set(per_second);
        json!({ "perSecond": per_second })
    }

    /// Sets or removes the webhook endpoint.
    pub(crate) fn set_endpoint(&self, endpoint: Option<WebhookEndpoint>) -> Value {
        let mut books = self.books();
        books.outbox.endpoint = endpoint;
        let shown = overview::webhooks(&books.ledger, books.outbox.endpoint.as_ref());
        drop(books);
        self.news.notify_one();
        self.recount_tries();
        shown
    }

    /// The webhook endpoint, if there is one.
    pub(crate) fn endpoint(&self) -> Option<WebhookEndpoint> {
        self.books().outbox.endpoint.clone()
    }

    /// The deliveries of all events, oldest first.
    pub(crate) fn webhooks(&self) -> Value {
        let books = self.books();
        overview::webhooks(&books.ledger, books.outbox.endpoint.as_ref())
    }

    /// An event as it would be delivered; `None` if there is none with this ID.
    pub(crate) fn event(&self, id: &str) -> Option<Value> {
        self.books().ledger.events.find(id).map(rendering::event)
    }

    /// Forgets everything, including the journal and the fault plan, and abandons waiting calls.
    ///
    /// # Errors
    /// When the journal can't be emptied; nothing is forgotten then.
    pub(crate) fn reset(&self) -> anyhow::Result<()> {
        let mut books = self.books();
        books.journal.clear()?;
        books.ledger = Ledger::default();
        books.keys = IdempotencyKeys::default();
        books.plan = FaultPlan::default();
        books.calls = Calls::default();
        books.limit = RateLimit::default();
        books.outbox = Outbox::default();
        books.outbox.endpoint.clone_from(&self.configured);
        self.gate.send_modify(|gate| gate.abandoned += 1);
        drop(books);
        self.recount_tries();
        Ok(())
    }

    fn commit(&self, books: &mut Books, executed: Executed) -> Answer {
        let reply = books.commit(executed, &Origin::default(), self.now());
        self.news.notify_one();
        reply.answer
    }
}
