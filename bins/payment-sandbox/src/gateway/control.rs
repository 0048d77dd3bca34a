//! What the control API asks of the gateway, under the same mutex and through the same journal.

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
    /// 400 for a rule that makes no sense.
    pub(crate) fn set_plan(&self, draft: PlanDraft) -> Result<Value, ApiError> {
        let plan = FaultPlan::new(draft)?;
        let mut books = self.books();
        books.plan = plan;
        Ok(overview::plan(&books.plan))
    }

    /// The fault plan and how often each rule fired.
    pub(crate) fn plan(&self) -> Value {
        overview::plan(&self.books().plan)
    }

    /// Clears the fault plan and lets held calls go.
    pub(crate) fn clear_plan(&self) -> Value {
        let mut books = self.books();
        books.plan = FaultPlan::default();
        books.outbox.release();
        self.gate.send_modify(|gate| gate.released += 1);
        self.news.notify_one();
        overview::plan(&books.plan)
    }

    /// Numbers of calls and of effects.
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

    /// A payment as it is now, if there is one with this id.
    pub(crate) fn intent(&self, id: &str) -> Option<Intent> {
        self.books().ledger.intents.find(id).cloned()
    }

    /// Ends a payment that waits for the bank or the customer.
    pub(crate) fn settle(&self, id: &str, outcome: Settlement) -> Answer {
        let mut books = self.books();
        let executed = books.ledger.settle(id, outcome, self.now());
        self.commit(&mut books, executed)
    }

    /// Makes a charge that nobody asked for.
    pub(crate) fn stray_charge(&self, stray: StrayCharge) -> Answer {
        let mut books = self.books();
        let executed = books.ledger.stray_charge(stray, self.now());
        self.commit(&mut books, executed)
    }

    /// Moves a refund on after it was made.
    pub(crate) fn settle_refund(&self, id: &str, settlement: &RefundSettlement) -> Answer {
        let mut books = self.books();
        let executed = books.ledger.settle_refund(id, settlement);
        self.commit(&mut books, executed)
    }

    /// Has a customer dispute a charge.
    pub(crate) fn open_dispute(&self, new: &NewDispute) -> Answer {
        let mut books = self.books();
        let executed = books.ledger.open_dispute(new, self.now());
        self.commit(&mut books, executed)
    }

    /// Moves a dispute on.
    pub(crate) fn settle_dispute(&self, id: &str, status: DisputeStatus) -> Answer {
        let mut books = self.books();
        let executed = books.ledger.settle_dispute(id, status);
        self.commit(&mut books, executed)
    }

    /// Changes amounts behind the client's back: no event tells of it.
    pub(crate) fn tamper(&self, id: &str, with: &Tampering) -> Answer {
        let mut books = self.books();
        let Executed { answer, change } = books.ledger.tamper(id, with);
        books
            .record(change)
            .map_or_else(|error| error.answer(), |()| answer)
    }

    /// Forgets idempotency keys before their time.
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

    /// Sets or lifts the rate limit.
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

    /// The delivery of every event, oldest first.
    pub(crate) fn webhooks(&self) -> Value {
        let books = self.books();
        overview::webhooks(&books.ledger, books.outbox.endpoint.as_ref())
    }

    /// An event as it would be delivered, if there is one with this id.
    pub(crate) fn event(&self, id: &str) -> Option<Value> {
        self.books().ledger.events.find(id).map(rendering::event)
    }

    /// Forgets everything, the journal and the fault plan included, and gives up what waits.
    ///
    /// # Errors
    /// The journal cannot be emptied; nothing is forgotten then.
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
