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

#[tokio::test]
async fn an_explanation_says_what_is_going_on_and_which_requests_are_possible() {
    let shop = Shop::open().await;
    let ann = shop.key("ann", "operations").await;
    let silent = json!([
        { "operation": "confirm", "action": { "type": "error_before", "status": 500 } },
        { "operation": "retrieve", "action": { "type": "error_before", "status": 500 }, "times": null },
    ]);
    shop.sandbox.plan(silent).await;
    let pending = shop.place(&new_key(), &small_order()).await;
    pending.assert_pending();
    let order_id = pending.order_id();
    let explain = async || {
        let path = format!("/orders/{order_id}/explanation");
        let explained = shop.customer().get(&path).await;
        assert_eq!(explained.status, 200, "{explained:?}");
        explained.body
    };

    let explained = explain().await;
    let happened = explained["happened"].as_str().unwrap();
    let expected = "stripe gave no clear answer when it was asked to collect the payment, at ";
    assert!(happened.starts_with(expected), "{explained}");
    let money = explained["money"].as_str().unwrap();
    assert!(
        money.starts_with("Unknown: stripe may have taken "),
        "{explained}"
    );
    let goods = explained["goods"].as_str().unwrap();
    assert!(goods.starts_with("1 unit reserved in "), "{explained}");
    assert_eq!(explained["next"]["who"], "oms");
    assert!(explained["next"]["at"].is_string(), "{explained}");

    let body = json!({ "orderId": order_id, "reason": "the gateway's account was closed" });
    let created = shop.decide("", &ann, &body).await;
    let id = created.body["id"].as_str().unwrap();
    let explained = explain().await;
    let happened = explained["happened"].as_str().unwrap();
    assert!(
        happened.contains("the gateway's account was closed."),
        "{explained}"
    );
    assert_eq!(explained["next"]["who"], "operator");
    let possible = explained["possible"].as_array().unwrap();
    let steps: Vec<_> = possible
        .iter()
        .map(|it| it["step"].as_str().unwrap())
        .collect();
    assert_eq!(
        steps,
        ["retry_dead_letter", "resolve_dead_letter", "cancel"]
    );
    assert_eq!(possible[1]["path"], format!("{PATH}/{id}/resolve"));
    let path = possible[1]["path"]
        .as_str()
        .unwrap()
        .strip_prefix(PATH)
        .unwrap();
    let verdict = json!({ "as": "settled_elsewhere", "reason": "paid in cash", "confirmed": true });
    assert_eq!(shop.decide(path, &ann, &verdict).await.status, 200);

    let explained = explain().await;
    assert_eq!(explained["status"], "FAILED");
    assert_eq!(
        explained["happened"],
        "The order failed: the money is settled elsewhere."
    );
    assert_eq!(explained["goods"], "1 unit released; nothing was sent.");
    assert_eq!(explained["next"]["who"], "nobody");
    assert_eq!(explained["possible"], json!([]));
}
