//! A sandbox that reports to the API, and what becomes of its webhooks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::eventually::{eventually, until};
use crate::request::{small_order, with};
use crate::shop::Shop;

/// What the API believes in development.
pub const SECRET: &str = "whsec_sandbox";
/// A payment that the bank takes its time over.
const BANK: &str = "pm_usBankAccount_processing";

/// A shop whose sandbox reports to it.
pub async fn reporting_shop() -> Shop {
    let shop = Shop::open().await;
    shop.sandbox.report_to(&shop.api.url, SECRET).await;
    shop
}

/// The confirmation has its effect, and neither its answer nor the look at the payment gets through.
pub fn lost_answer() -> Value {
    json!([
        { "operation": "confirm", "action": { "type": "error_after", "status": 502 } },
        { "operation": "retrieve", "action": { "type": "error_before", "status": 503 } },
    ])
}

/// Rules, with one for every webhook from now on.
pub fn and_webhooks(rules: Value, action: &str) -> Value {
    let mut rules = rules;
    let all = json!({ "operation": "webhook", "action": { "type": action }, "times": null });
    rules.as_array_mut().unwrap().push(all);
    rules
}

/// An order whose confirmation's answer was lost, and whose webhooks are held until the sandbox is released.
pub async fn with_lost_answer(shop: &Shop, key: &str, order: &Value) -> String {
    shop.sandbox.plan(and_webhooks(lost_answer(), "hold")).await;
    let pending = shop.place(key, order).await;
    pending.assert_pending();
    pending.order_id()
}

/// An order that waits for the bank, and the gateway's name for its payment.
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
    /// Returns once an order is in a status. Nobody's time passes.
    pub async fn becomes(&self, order_id: &str, status: &str) {
        let what = format!("order {order_id} becomes {status}");
        until(&what, async || {
            self.database.status(order_id).await == status
        })
        .await;
    }

    /// Who has changed an order to what, from its beginning.
    pub async fn timeline(&self, order_id: &str) -> Vec<Vec<String>> {
        let sql = format!(
            "SELECT actor, to_status FROM orders.events WHERE order_id = '{order_id}' ORDER BY sequence"
        );
        self.database.rows(&sql).await
    }

    /// Returns once every event was tried and what arrived is applied, with how many have which outcome.
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

/// So many messages of each outcome.
pub fn outcomes(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let owned = expected
        .iter()
        .map(|(outcome, count)| ((*outcome).to_owned(), *count));
    owned.collect()
}
