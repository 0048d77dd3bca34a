//! The end of an order: in the database, at the gateway and for the client.

use serde_json::Value;

use crate::api::{SWEEPING, Settings};
use crate::eventually::until;
use crate::invariants::assert_invariants;
use crate::request::{WIDGET_A, small_order};
use crate::shop::Shop;

/// How a small order ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// PAID, charged once, with its stock held.
    Paid,
    /// FAILED, not charged, with its stock released. The key returns this code permanently.
    Failed(&'static str),
    /// Like `Failed`, and the gateway reports the payment as cancelled, so that it refuses later confirmations.
    Fenced,
    /// FAILED, not charged, with its stock and its key released. The key places a new order.
    KeyReleased,
}

/// The gateway declined the payment.
pub const DECLINED: End = End::Failed("orders.payment_declined");
/// No payment was ever prepared that could be confirmed.
pub const NEVER_PREPARED: End = End::Failed(VOIDED);

const VOIDED: &str = "orders.payment_voided";

/// The price of a small order.
pub const PRICE: u64 = 1000;

const SWEPT: &str = "oms_swept_orders_total";

impl Shop {
    /// Opens a shop whose sweeper looks continuously. The test decides what is due.
    pub async fn open_sweeping(settings: Settings<'_>) -> Self {
        let shop = Self::open_with(&[&[SWEEPING], settings].concat()).await;
        shop.database.keep_tries().await;
        shop
    }

    /// Like [`open_sweeping`](Self::open_sweeping), but the test triggers each attempt: an order that could not be
    /// settled is not due again for an hour.
    pub async fn open_sweeping_on_demand(settings: Settings<'_>) -> Self {
        let unhurried = [
            ("OMS_SWEEP_BACKOFF_MIN_MS", "3600000"),
            ("OMS_SWEEP_BACKOFF_MAX_MS", "3600000"),
        ];
        Self::open_sweeping(&[&unhurried, settings].concat()).await
    }

    /// Makes the sweeper attempt to settle the only open order once, regardless of its age. Returns when the result is
    /// stored.
    pub async fn sweep_once(&self, order_id: &str) {
        let before = self.metric_sum(SWEPT).await;
        self.database.make_due().await;
        until("the sweeper has looked at the order", async || {
            self.metric_sum(SWEPT).await > before || !self.is_open(order_id).await
        })
        .await;
    }

    /// Makes the sweeper attempt to settle an order until it has ended, and checks that its stock was held until then.
    ///
    /// Fails if that takes more than `most` attempts.
    pub async fn sweep_within(&self, order_id: &str, most: u64) {
        while self.is_open(order_id).await {
            assert_invariants(&self.database).await;
            let tries = self.database.tries(order_id).await;
            assert!(tries < most, "still open after {tries} tries");
            self.sweep_once(order_id).await;
        }
    }

    /// Whether the outcome of an order is still unknown.
    pub async fn is_open(&self, order_id: &str) -> bool {
        self.database.status(order_id).await == "PENDING_PAYMENT"
    }

    /// The only order.
    pub async fn only_order(&self) -> String {
        let orders = self.database.rows("SELECT id FROM orders.orders").await;
        assert_eq!(orders.len(), 1, "{orders:?}");
        orders[0][0].clone()
    }

    /// Checks that a small order, the only one, has ended like this, and that its key returns that outcome.
    pub async fn assert_end(&self, key: &str, order_id: &str, end: End) {
        self.assert_end_of(&small_order(), key, order_id, end).await;
    }

    /// Like [`assert_end`](Self::assert_end), for an order with another body.
    pub async fn assert_end_of(&self, body: &Value, key: &str, order_id: &str, end: End) {
        let (status, charged, held) = match end {
            End::Paid => ("PAID", (1, PRICE), 1),
            End::Failed(_) | End::Fenced | End::KeyReleased => ("FAILED", (0, 0), 0),
        };
        assert_eq!(self.database.status(order_id).await, status);
        assert_eq!(self.sandbox.charged(order_id).await, charged);
        assert_eq!(self.database.reserved(WIDGET_A).await, held);
        if end == End::Fenced {
            assert_eq!(self.sandbox.last_status(order_id).await, "canceled");
        }
        self.assert_ended_once(order_id).await;
        assert_eq!(self.database.dead_letters().await, 0);
        self.assert_consistent().await;

        let replay = self.place(key, body).await;
        match end {
            End::Paid => replay.assert_replayed(order_id),
            End::Failed(code) => replay.assert_failed(code),
            End::Fenced => replay.assert_failed(VOIDED),
            End::KeyReleased => replay.assert_created(),
        }
        let is_another = replay.order_id() != order_id;
        assert_eq!(is_another, end == End::KeyReleased, "{replay:?}");
        self.assert_consistent().await;
    }

    /// Checks that exactly one event ended an order.
    pub async fn assert_ended_once(&self, order_id: &str) {
        let sql = format!(
            "SELECT to_status FROM orders.events
             WHERE order_id = '{order_id}' AND from_status = 'PENDING_PAYMENT' AND to_status IN ('PAID', 'FAILED')"
        );
        let ends = self.database.rows(&sql).await;
        assert_eq!(ends.len(), 1, "{ends:?}");
    }
}
