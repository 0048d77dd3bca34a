//! The actor of a change: every record of a request's changes names its credential.

use futures_util::future::join_all;
use oms_testing::issuer::{SigningKey, TestIssuer};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::credentials::tokens::settings;
use crate::keys::TENANT;
use crate::request::{new_key, small_order, with};
use crate::shop::Shop;

impl Shop {
    async fn act(&self, key: &str, path: &str, body: &Value) -> Answer {
        let request = self.customer().post(path).bearer_auth(key);
        let request = request.header("idempotency-key", new_key()).json(body);
        Answer::of(request.send().await.unwrap()).await
    }

    /// The history of an order with its actors: `from→to`, notes as `=`, gateway calls by their operation.
    async fn deeds(&self, order_id: &str) -> Vec<(String, String)> {
        let path = format!("/orders/{order_id}/timeline?limit=100");
        let answer = self.get(&path).await;
        let deed = |entry: &Value| {
            let what = ["to", "event", "status", "operation", "type"];
            let what = what.iter().find_map(|it| entry[it].as_str()).unwrap();
            let actor = entry["actor"].as_str().unwrap_or_default();
            (what.to_owned(), actor.to_owned())
        };
        answer.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(deed)
            .collect()
    }

    async fn column(&self, sql: &str) -> Vec<String> {
        self.database
            .rows(sql)
            .await
            .into_iter()
            .flatten()
            .collect()
    }
}

#[tokio::test]
async fn each_timeline_entry_names_its_credential() {
    let shop = Shop::open().await;
    let till = shop.key("till", "orders:write").await;
    let refunds = shop.key("refund-desk", "orders:refund").await;
    let support = shop.key("support.ann", "orders:cancel").await;
    let order_id = shop.place_as(&till).await.order_id();
    let path = format!("/orders/{order_id}");
    let part =
        json!({ "amount": { "amountMinor": 300, "currency": "USD" }, "reason": "scratched" });
    let refunded = shop.act(&refunds, &format!("{path}/refunds"), &part).await;
    assert_eq!(refunded.status, 201, "{refunded:?}");
    let cancelled = shop
        .act(&support, &format!("{path}/cancel"), &json!({}))
        .await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");

    let deeds = shop.deeds(&order_id).await;
    assert!(deeds.len() > 8, "{deeds:?}");
    let by = |what: &str| -> Vec<&str> {
        let found = deeds.iter().filter(|deed| deed.0 == what);
        found.map(|deed| deed.1.as_str()).collect()
    };
    assert_eq!(by("PENDING_PAYMENT"), ["api:till"]);
    assert_eq!(by("stock_reserved"), ["api:till"]);
    assert_eq!(by("prepare"), ["api:till"]);
    assert_eq!(by("confirm"), ["api:till"]);
    assert_eq!(by("PAID"), ["api:till", "api:refund-desk"]);
    assert_eq!(by("REFUNDING"), ["api:refund-desk"]);
    assert_eq!(by("CANCELLING"), ["api:support.ann"]);
    assert_eq!(by("CANCELLED"), ["api:support.ann"]);
    assert_eq!(by("stock_released"), ["api:support.ann"]);
    assert!(deeds.iter().all(|deed| deed.1 != "api"), "{deeds:?}");

    let listed = shop.get(&format!("{path}/refunds")).await;
    let requested: Vec<&Value> = listed.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refund| &refund["requestedBy"])
        .collect();
    assert_eq!(requested, ["api:refund-desk", "api:support.ann"]);
    let events = "SELECT DISTINCT actor FROM orders.events ORDER BY 1";
    assert_eq!(
        shop.column(events).await,
        ["api:refund-desk", "api:support.ann", "api:till"]
    );
}

#[tokio::test]
async fn orders_of_one_batch_each_name_their_own_credential() {
    let shop = Shop::open().await;
    let (north, south) = (
        shop.key("north", "orders:write").await,
        shop.key("south", "orders:write").await,
    );
    let keys = [&north, &south].repeat(8);
    let placed = join_all(keys.iter().map(|key| shop.place_as(key))).await;
    for (key, placed) in keys.iter().zip(placed) {
        placed.assert_created();
        let deeds = shop.deeds(&placed.order_id()).await;
        let name = if **key == north {
            "api:north"
        } else {
            "api:south"
        };
        assert!(deeds.iter().all(|deed| deed.1 == name), "{name}: {deeds:?}");
    }
}

#[tokio::test]
async fn a_second_payment_names_the_credential_that_started_it() {
    let shop = Shop::open_with(&[("OMS_DECLINE_POLICY", "hold")]).await;
    let till = shop.key("till", "orders:write").await;
    let desk = shop.key("desk", "orders:write").await;
    let order = with(small_order(), "creditCardNumber", Value::Null);
    let order = with(order, "paymentMethod", json!("pm_card_visa_chargeDeclined"));
    let declined = shop.act(&till, "/orders", &order).await;
    declined.assert_problem(402, "orders.payment_declined");
    let order_id = declined.order_id();
    let path = format!("/orders/{order_id}/payment");
    let other = json!({ "paymentMethod": "pm_card_mastercard" });
    let paid = shop.act(&desk, &path, &other).await;
    assert_eq!(paid.status, 201, "{paid:?}");
    let deeds = shop.deeds(&order_id).await;
    let last = deeds.last().unwrap();
    assert_eq!(
        last,
        &("PAID".to_owned(), "api:desk".to_owned()),
        "{deeds:?}"
    );
    let first = deeds.iter().position(|deed| deed.1 == "api:desk").unwrap();
    let (before, after) = deeds.split_at(first);
    assert!(before.iter().all(|deed| deed.1 == "api:till"), "{deeds:?}");
    assert!(after.iter().all(|deed| deed.1 == "api:desk"), "{deeds:?}");
}

#[tokio::test]
async fn the_longest_subject_of_a_token_is_recorded_in_full_everywhere() {
    let key = SigningKey::elliptic("1");
    let issuer = TestIssuer::start(&[&key]).await;
    let shop = Shop::open_with(&settings(&issuer)).await;
    let subject = format!("system:serviceaccount:shop/\"<b>{}", "x".repeat(224));
    let scopes = "orders:write orders:cancel orders:refund operations";
    let token = key.token(&issuer.claims(&subject, TENANT, scopes));
    let name = format!("api:token:{subject}");
    assert_eq!(subject.len(), 255);

    let order_id = shop.place_as(&token).await.order_id();
    let path = format!("/orders/{order_id}");
    let part = json!({ "amount": { "amountMinor": 300, "currency": "USD" } });
    let refunded = shop.act(&token, &format!("{path}/refunds"), &part).await;
    assert_eq!(refunded.status, 201, "{refunded:?}");
    let dead_letter = format!(
        "INSERT INTO orders.dead_letters (tenant_id, id, order_id, tries, reason)
         VALUES ('{TENANT}', '{}', '{order_id}', 1, 'nobody answers')",
        new_key()
    );
    shop.database.execute(&dead_letter).await;
    let cancelled = shop
        .act(&token, &format!("{path}/cancel"), &json!({}))
        .await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    let deeds = shop.deeds(&order_id).await;
    assert!(deeds.len() > 8, "{deeds:?}");
    assert!(deeds.iter().all(|deed| deed.1 == name), "{deeds:?}");
    let closed = "SELECT resolved_by FROM orders.dead_letters";
    assert_eq!(shop.column(closed).await, std::slice::from_ref(&name));

    let finding = new_key();
    let insert = format!(
        "INSERT INTO orders.findings (tenant_id, id, kind, gateway, subject, charge_reference, detail, action)
         VALUES ('{TENANT}', '{finding}', 'charge_without_order', 'stripe', 'ch_1', 'ch_1', 'x', 'none')"
    );
    shop.database.execute(&insert).await;
    let path = format!("/operations/findings/{finding}/resolve");
    let resolved = shop
        .act(&token, &path, &json!({ "reason": "theirs" }))
        .await;
    assert_eq!(resolved.status, 200, "{resolved:?}");
    assert_eq!(
        resolved.body["resolved"]["by"],
        format!("operator:token:{subject}")
    );
}

#[tokio::test]
async fn actors_recorded_by_an_earlier_version_are_shown_unchanged() {
    let shop = Shop::open().await;
    let order_id = shop.place_new(&small_order()).await.order_id();
    let earlier =
        "UPDATE orders.events SET actor = 'api'; UPDATE payments.gateway_calls SET actor = 'api'";
    shop.database.execute(earlier).await;
    let deeds = shop.deeds(&order_id).await;
    assert!(deeds.iter().all(|deed| deed.1 == "api"), "{deeds:?}");
    let path = format!("/orders/{order_id}/refunds");
    let refund = json!({ "amount": { "amountMinor": 1, "currency": "USD" } });
    let refund = shop
        .customer()
        .post(&path)
        .header("idempotency-key", new_key())
        .json(&refund);
    assert_eq!(refund.send().await.unwrap().status(), 201);
    shop.database
        .execute("DELETE FROM payments.refund_requests")
        .await;
    let listed = shop.get(&path).await;
    assert_eq!(listed.body["items"][0].get("requestedBy"), None);
    // A development server requires no credential.
    let last = shop.deeds(&order_id).await.pop().unwrap();
    assert_eq!(last.1, "api:local");
}
