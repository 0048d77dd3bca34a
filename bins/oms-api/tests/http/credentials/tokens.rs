//! Requests with a token of an OIDC issuer, beside those with a key.

use oms_testing::issuer::{AUDIENCE, Script, SigningKey, TENANT_CLAIM, TestIssuer};
use serde_json::json;

use crate::answer::Answer;
use crate::keys::{STRANGERS, TENANT};
use crate::request::{WIDGET_A, new_key};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

async fn trusting(issuer: &TestIssuer) -> Shop {
    Shop::open_with(&settings(issuer)).await
}

pub fn settings(issuer: &TestIssuer) -> [(&'static str, &str); 5] {
    [
        ("OMS_OIDC_ISSUER", issuer.url.as_str()),
        ("OMS_OIDC_AUDIENCE", AUDIENCE),
        ("OMS_OIDC_ALGORITHMS", "ES256"),
        ("OMS_OIDC_TENANT_CLAIM", TENANT_CLAIM),
        ("OMS_OIDC_TIMEOUT_MS", "60000"),
    ]
}

#[tokio::test]
async fn a_token_cancels_orders_only_with_the_scope_or_the_compatibility_setting() {
    let key = SigningKey::elliptic("1");
    let issuer = TestIssuer::start(&[&key]).await;
    let mut shop = trusting(&issuer).await;
    let token = |scope: &str| key.token(&issuer.claims("till", TENANT, scope));
    let (till, desk) = (token("orders:write"), token("orders:cancel"));
    let placed = shop.place_as(&till).await;
    let path = format!("/orders/{}/cancel", placed.order_id());
    let cancel = async |shop: &Shop, token: &str| {
        let request = shop.customer().post(&path).bearer_auth(token);
        Answer::of(request.send().await.unwrap()).await
    };
    let refused = cancel(&shop, &till).await;
    refused.assert_problem(403, "access.forbidden");
    assert_eq!(refused.body["scope"], "orders:cancel");
    assert_eq!(cancel(&shop, &desk).await.status, 200);

    shop.api.process.kill();
    let broad = [("OMS_OIDC_BROAD_ORDERS_WRITE", "true")];
    shop.restart(&[&settings(&issuer)[..], &broad].concat())
        .await;
    assert_eq!(cancel(&shop, &till).await.status, 200);
    let reader = cancel(&shop, &token("orders:read operations")).await;
    reader.assert_problem(403, "access.forbidden");
}

#[tokio::test]
async fn a_token_acts_for_its_tenant_with_its_scopes_beside_keys() {
    let key = SigningKey::elliptic("1");
    let issuer = TestIssuer::start(&[&key]).await;
    let shop = trusting(&issuer).await;
    let token = |tenant: &str, scope: &str| key.token(&issuer.claims("auth0|ann", tenant, scope));

    let till = token(TENANT, "openid orders:write orders:read");
    let placed = shop.place_as(&till).await;
    placed.assert_created();
    let path = format!("/orders/{}", placed.order_id());
    assert_eq!(shop.read_as(&till, &path).await.status, 200);
    let api_key = shop.key("website", "orders:read").await;
    assert_eq!(shop.read_as(&api_key, &path).await.status, 200);

    let stranger = token(STRANGERS, "orders:read");
    let elsewhere = shop.read_as(&stranger, &path).await;
    elsewhere.assert_problem(404, "orders.not_found");
    let lacking = shop.read_as(&token(TENANT, "orders:write"), &path).await;
    lacking.assert_problem(403, "access.forbidden");
    assert_eq!(lacking.body["scope"], "orders:read");

    let mut expired = issuer.claims("ann", TENANT, "orders:read");
    expired["exp"] = json!(1);
    let expired = key.token(&expired);
    let refused = shop.read_as(&expired, &path).await;
    refused.assert_problem(401, "access.unauthenticated");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    let log = serde_json::to_string(&shop.api.log()).unwrap();
    assert!(
        !log.contains(&till) && !log.contains(&expired),
        "a token is in the log"
    );
}

#[tokio::test]
async fn operator_actions_are_recorded_under_the_subject_of_the_token() {
    let key = SigningKey::elliptic("1");
    let issuer = TestIssuer::start(&[&key]).await;
    let shop = trusting(&issuer).await;
    let ann = key.token(&issuer.claims("auth0|ann", TENANT, "operations"));
    let listed = shop.read_as(&ann, "/operations/findings").await;
    assert_eq!(listed.status, 200, "{listed:?}");
}

#[tokio::test]
async fn a_long_subject_of_a_workload_is_recorded_in_full() {
    let key = SigningKey::elliptic("1");
    let issuer = TestIssuer::start(&[&key]).await;
    let shop = trusting(&issuer).await;
    let subject = format!("system:serviceaccount:shop/{}+=", "x".repeat(226));
    let token = key.token(&issuer.claims(&subject, TENANT, "inventory:write inventory:read"));
    let change = json!({
        "warehouseId": ATLANTA_WAREHOUSE,
        "lines": [{ "productId": WIDGET_A, "quantity": 1 }],
    });
    let received = shop
        .customer()
        .post("/stock-levels/receive")
        .bearer_auth(&token);
    let received = received.header("idempotency-key", new_key()).json(&change);
    let received = Answer::of(received.send().await.unwrap()).await;
    assert_eq!(received.status, 201, "{received:?}");
    let actor = &received.body["movements"][0]["actor"];
    assert_eq!(*actor, json!(format!("operator:token:{subject}")));

    let longer = issuer.claims(&format!("{subject}y"), TENANT, "orders:read");
    let refused = shop.read_as(&key.token(&longer), "/orders/x").await;
    refused.assert_problem(401, "access.unauthenticated");
}

#[tokio::test]
async fn during_an_issuer_outage_tokens_are_refused_and_keys_still_work() {
    let key = SigningKey::elliptic("1");
    let issuer = TestIssuer::start(&[&key]).await;
    issuer.now(Script::Answer(500, String::new()));
    let shop = trusting(&issuer).await;
    let token = key.token(&issuer.claims("ann", TENANT, "orders:read"));
    let refused = shop.read_as(&token, "/orders/x").await;
    refused.assert_problem(503, "access.issuer_unavailable");
    let till = shop.key("till", "orders:read").await;
    let answer = shop.read_as(&till, "/orders/x").await;
    answer.assert_problem(404, "orders.not_found");
}

#[tokio::test]
async fn without_an_issuer_all_tokens_are_refused() {
    let key = SigningKey::elliptic("1");
    let issuer = TestIssuer::start(&[&key]).await;
    let shop = Shop::open().await;
    let token = key.token(&issuer.claims("ann", TENANT, "orders:read"));
    let refused = shop.read_as(&token, "/orders/x").await;
    refused.assert_problem(401, "access.unauthenticated");
    assert!(issuer.requests().is_empty());
}
