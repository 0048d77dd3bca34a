//! A sandbox that sends webhooks to the API, and the outcome of these webhooks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::eventually::{eventually, until};
use crate::request::{small_order, with};
use crate::shop::Shop;

/// The API's default secret in development.
pub const SECRET: &str = "whsec_sandbox";
/// A payment that the bank processes slowly.
const BANK: &str = "pm_usBankAccount_processing";

/// A shop whose sandbox sends webhooks to it.
pub async fn reporting_shop() -> Shop {
    let shop = Shop::open().await;
    shop.sandbox.report_to(&shop.api.url, SECRET).await;
    shop
}

/// The confirmation takes effect, but its answer is lost and the look-up of the payment fails.
pub fn lost_answer() -> Value {
    json!([
        { "operation": "confirm", "action": { "type": "error_after", "status": 502 } },
        { "operation": "retrieve", "action": { "type": "error_before", "status": 503 } },
    ])
}

/// These rules, and one that applies to every webhook from now on.
pub fn and_webhooks(rules: Value, action: &str) -> Value {
    let mut rules = rules;
    let all = json!({ "operation": "webhook", "action": { "type": action }, "times": null });
    rules.as_array_mut().unwrap().push(all);
    rules
}

/// An order whose confirmation got no answer, and whose webhooks are held until the sandbox is released.
pub async fn with_lost_answer(shop: &Shop, key: &str, order: &Value) -> String {
    shop.sandbox.plan(and_webhooks(lost_answer(), "hold")).await;
    let pending = shop.place(key, order).await;
    pending.assert_pending();
    pending.order_id()
}

/// An order that waits for the bank, and the gateway's reference of its payment.
pub async fn with_bank(shop: &Shop) -> (String, String) {
    let order = with(small_order(), "creditCardNumber", Value::Null);
    let order = with(order, "paymentMethod", json!(BANK));
    let pending = shop.place_new(&order).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    let intent = shop.sandbox.order(&order_id).await["intents"][0]["id"].clone();
    (order_id, intent.as_str().unwrap().to_owned())
}

impl Shop {
    /// Returns once an order has a status. Time is not advanced for any worker.
    pub async fn becomes(&self, order_id: &str, status: &str) {
        let what = format!("order {order_id} becomes {status}");
        until(&what, async || {
            self.database.status(order_id).await == status
        })
        .await;
    }

    /// Actor and new status of all changes of an order, from its beginning.
    pub async fn timeline(&self, order_id: &str) -> Vec<Vec<String>> {
        let sql = format!(
            "SELECT actor, to_status FROM orders.events WHERE order_id = '{order_id}' ORDER BY sequence"
        );
        self.database.rows(&sql).await
    }

    /// Returns the number of events by outcome, once every event was attempted and all stored events are applied.
    pub async fn all_applied(&self) -> BTreeMap<String, usize> {
        eventually("everything that was reported is applied", async || {
            let deliveries = self.sandbox.deliveries().await;
            let waits = deliveries.iter().any(|it| it["state"] == "pending");
            let sql = "SELECT coalesce(outcome, 'due') FROM payments.gateway_events";
            let mut outcomes = BTreeMap::new();
            for outcome in self.database.rows(sql).await.into_iter().flatten() {
                *outcomes.entry(outcome).or_default() += 1;
            }
            (!waits && !outcomes.contains_key("due")).then_some(outcomes)
        })
        .await
    }
}

/// This many events of each outcome.
pub fn outcomes(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let owned = expected
        .iter()
        .map(|(outcome, count)| ((*outcome).to_owned(), *count));
    owned.collect()
}
