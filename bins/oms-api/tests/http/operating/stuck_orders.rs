//! Orders that the gateway will never settle, and how an operator settles them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::Shop;

const PATH: &str = "/operations/dead-letters";

impl Shop {
    async fn decide(&self, path: &str, token: &str, body: &Value) -> Answer {
        let request = self
            .customer()
            .request(Method::POST, &format!("{PATH}{path}"));
        let request = request.bearer_auth(token).json(body);
        Answer::of(request.send().await.unwrap()).await
    }
}

#[tokio::test]
async fn an_order_unknown_to_the_gateway_is_settled_elsewhere_after_confirmation() {
    let shop = Shop::open().await;
    let ann = shop.key("ann", "operations").await;
    let silent = json!([
        { "operation": "confirm", "action": { "type": "error_before", "status": 500 } },
        { "operation": "retrieve", "action": { "type": "error_before", "status": 500 }, "times": null },
    ]);
    shop.sandbox.plan(silent).await;
    let key = new_key();
    let pending = shop.place(&key, &small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();

    let body = json!({ "orderId": order_id, "reason": "the gateway's account was closed" });
    let created = shop.decide("", &ann, &body).await;
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.body["id"].as_str().unwrap();
    let location = format!("{PATH}/{id}");
    assert_eq!(created.header("location"), Some(location.as_str()));
    let again = shop.decide("", &ann, &body).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(again.body["id"], id);

    let path = format!("/{id}/resolve");
    let mut verdict = json!({ "as": "settled_elsewhere", "reason": "paid in cash" });
    let refused = shop.decide(&path, &ann, &verdict).await;
    refused.assert_problem(409, "orders.confirmation_required");
    assert_eq!(refused.body["gatewaySaid"], "unknown");
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);

    let given_up = json!({ "as": "refund_given_up", "reason": "it is no refund" });
    let refused = shop.decide(&path, &ann, &given_up).await;
    refused.assert_problem(409, "orders.not_resolvable");

    verdict["confirmed"] = json!(true);
    let resolved = shop.decide(&path, &ann, &verdict).await;
    assert_eq!(resolved.status, 200, "{resolved:?}");
    assert_eq!(resolved.body["orderStatus"], "FAILED");
    let end = &resolved.body["resolved"];
    assert_eq!(end["resolution"], "settled_elsewhere");
    assert_eq!(end["by"], "operator:ann");
    assert_eq!(end["settlement"]["gatewaySaid"], "unknown");
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    let order = shop.order(&order_id).await;
    assert_eq!(order["failure"], "settled_elsewhere");
    let replayed = shop.place(&key, &small_order()).await;
    replayed.assert_problem(409, "orders.closed");
    let late = shop.decide("", &ann, &body).await;
    late.assert_problem(409, "orders.not_unsettled");
}
