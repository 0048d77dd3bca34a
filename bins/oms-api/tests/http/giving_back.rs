//! Requests refunds and cancellations, and waits for them.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::eventually::eventually;
use crate::request::{WIDGET_A, small_order};
use crate::shop::{Customer, Shop};

/// States in which the outcome of an order, a cancellation or a refund is still open.
const UNSETTLED: [&str; 3] = ["PENDING_PAYMENT", "CANCELLING", "REFUNDING"];

/// An amount in cents, as bodies contain it.
pub fn usd(amount_minor: i64) -> Value {
    json!({ "amountMinor": amount_minor, "currency": "USD" })
}

/// The body of a refund of this many cents.
pub fn part(amount_minor: i64) -> Value {
    json!({ "amount": usd(amount_minor) })
}

/// The body of a refund of this many cents of the first item.
pub fn of_line(amount_minor: i64) -> Value {
    json!({ "lines": [{ "line": 1, "amount": usd(amount_minor) }] })
}

/// The body of a refund of the full remaining amount.
pub fn all() -> Value {
    json!({})
}

impl Customer {
    /// `POST /orders/{id}/refunds` with a key.
    pub async fn refund(&self, order_id: &str, key: &str, body: &Value) -> Answer {
        let request = self.post(&format!("/orders/{order_id}/refunds"));
        let request = request.header("idempotency-key", key).json(body);
        Answer::of(request.send().await.unwrap()).await
    }

    /// `POST /orders/{id}/cancel` without a body.
    pub async fn cancel(&self, order_id: &str) -> Answer {
        let request = self.post(&format!("/orders/{order_id}/cancel"));
        Answer::of(request.send().await.unwrap()).await
    }
}

impl Shop {
    /// Places a small order, which is paid.
    pub async fn paid(&self) -> String {
        let placed = self.place_new(&small_order()).await;
        placed.assert_created();
        placed.order_id()
    }

    /// `POST /orders/{id}/refunds` with a key.
    pub async fn refund(&self, order_id: &str, key: &str, body: &Value) -> Answer {
        self.customer().refund(order_id, key, body).await
    }

    /// `POST /orders/{id}/cancel` without a body.
    pub async fn cancel(&self, order_id: &str) -> Answer {
        self.customer().cancel(order_id).await
    }

    /// Returns the status of an order once it is settled. Time passes quickly for the sweeper.
    pub async fn settled(&self, order_id: &str) -> String {
        self.database.make_due().await;
        eventually("the order is settled", async || {
            self.database.pass_a_second().await;
            let status = self.database.status(order_id).await;
            (!UNSETTLED.contains(&status.as_str())).then_some(status)
        })
        .await
    }

    /// Checks that the only order is cancelled, that all of its money was refunded, and that its stock was released
    /// once.
    pub async fn assert_cancelled(&self, order_id: &str, captured: i64) {
        assert_eq!(self.database.status(order_id).await, "CANCELLED");
        let money = self.sandbox.money(order_id).await;
        assert_eq!(money, (captured, captured));
        assert_eq!(self.database.reserved(WIDGET_A).await, 0);
        let ends = "SELECT count(*) FROM orders.events WHERE to_status = 'CANCELLED' AND from_status <> to_status";
        assert_eq!(self.database.number(ends).await, 1);
        self.assert_consistent().await;
        let again = self.cancel(order_id).await;
        assert_eq!(
            (again.status, &again.body["status"]),
            (200, &json!("CANCELLED"))
        );
    }
}

impl Answer {
    /// Asserts a 202 for an order that is still being processed.
    pub fn assert_accepted(&self, order_id: &str, status: &str) {
        assert_eq!(self.status, 202, "{self:?}");
        let named = self.body.get("orderStatus").unwrap_or(&self.body["status"]);
        assert_eq!(named, status, "{self:?}");
        assert_eq!(self.order_id(), order_id, "{self:?}");
        assert!(self.retry_after() >= Some(1), "{self:?}");
        let location = format!("/orders/{order_id}");
        assert_eq!(self.header("location"), Some(location.as_str()), "{self:?}");
    }
}
