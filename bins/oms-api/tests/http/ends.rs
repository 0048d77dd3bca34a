//! How an order ends, in our books, at the gateway and for the client alike.

use serde_json::Value;

use crate::api::{SWEEPING, Settings};
use crate::eventually::until;
use crate::invariants::assert_invariants;
use crate::request::{WIDGET_A, small_order};
use crate::shop::Shop;

/// How a small order ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// PAID, charged once, the stock held.
    Paid,
    /// FAILED, nothing charged, the stock given back. The key answers with this code for ever.
    Failed(&'static str),
    /// The same, and the gateway says that the payment is cancelled: whatever arrives later is refused.
    Fenced,
    /// FAILED, nothing charged, the stock given back, and the key too: it places a new order.
    KeyGivenBack,
}

/// The gateway said no.
pub const DECLINED: End = End::Failed("orders.payment_declined");
/// Nothing was ever prepared that anybody could confirm.
pub const NEVER_PREPARED: End = End::Failed(VOIDED);

const VOIDED: &str = "orders.payment_voided";

/// What a small order costs.
pub const PRICE: u64 = 1000;

const SWEPT: &str = "oms_swept_orders_total";

impl Shop {
    /// Opens a store whose sweeper looks all the time; what is due is up to the test.
    pub async fn open_sweeping(settings: Settings<'_>) -> Self {
        let shop = Self::open_with(&[&[SWEEPING], settings].concat()).await;
        shop.database.keep_tries().await;
        shop
    }

    /// The same, where each look is up to the test: an order that was looked at in vain is not due for an hour.
    pub async fn open_sweeping_on_demand(settings: Settings<'_>) -> Self {
        let unhurried = [
            ("OMS_SWEEP_BACKOFF_MIN_MS", "3600000"),
            ("OMS_SWEEP_BACKOFF_MAX_MS", "3600000"),
        ];
        Self::open_sweeping(&[&unhurried, settings].concat()).await
    }

    /// Has the sweeper look at the one open order, once, whatever its age. Returns when what it found is written.
    pub async fn sweep_once(&self, order_id: &str) {
        let before = self.metric_sum(SWEPT).await;
        self.database.make_due().await;
        until("the sweeper has looked at the order", async || {
            self.metric_sum(SWEPT).await > before || !self.is_open(order_id).await
        })
        .await;
    }

    /// Has the sweeper look at an order until it has ended, and checks that it held its stock until then.
    ///
    /// Fails when that takes more than `most` tries.
    pub async fn sweep_within(&self, order_id: &str, most: u64) {
        while self.is_open(order_id).await {
            assert_invariants(&self.database).await;
            let tries = self.database.tries(order_id).await;
            assert!(tries < most, "still open after {tries} tries");
            self.sweep_once(order_id).await;
        }
    }

    /// Whether the end of an order is not known yet.
    pub async fn is_open(&self, order_id: &str) -> bool {
        self.database.status(order_id).await == "PENDING_PAYMENT"
    }

    /// The one order there is.
    pub async fn only_order(&self) -> String {
        let orders = self.database.rows("SELECT id FROM orders.orders").await;
        assert_eq!(orders.len(), 1, "{orders:?}");
        orders[0][0].clone()
    }

    /// Checks that a small order, the only one, has ended like this, and that its key says so.
    pub async fn assert_end(&self, key: &str, order_id: &str, end: End) {
        self.assert_end_of(&small_order(), key, order_id, end).await;
    }

    /// The same, of an order with another body.
    pub async fn assert_end_of(&self, body: &Value, key: &str, order_id: &str, end: End) {
        let (status, charged, held) = match end {
            End::Paid => ("PAID", (1, PRICE), 1),
            End::Failed(_) | End::Fenced | End::KeyGivenBack => ("FAILED", (0, 0), 0),
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
            End::KeyGivenBack => replay.assert_created(),
        }
        let is_another = replay.order_id() != order_id;
        assert_eq!(is_another, end == End::KeyGivenBack, "{replay:?}");
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
