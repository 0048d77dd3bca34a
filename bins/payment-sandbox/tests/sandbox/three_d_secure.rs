//! 3-D Secure, with the requests that a browser makes.

use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const CARD: &str = "pm_card_threeDSecure2Required";
const SHOP: &str = "https://shop.example/done?order=7";

/// A browser that does not follow redirects.
fn browser() -> Client {
    let builder = Client::builder().no_proxy().redirect(Policy::none());
    builder.build().unwrap()
}

async fn waiting(sandbox: &Sandbox, extra: &[(&str, &str)]) -> Value {
    let created = sandbox.intent(&[]).await;
    let path = format!("/v1/payment_intents/{}/confirm", created.id());
    let form = [&[("payment_method", CARD)], extra].concat();
    let confirmed = sandbox.post(&path, &form).await;
    assert_eq!(confirmed.body["status"], "requires_action");
    confirmed.body
}

fn page_of(intent: &Value) -> &str {
    let action = &intent["next_action"];
    assert_eq!(action["type"], "redirect_to_url");
    assert_eq!(action["redirect_to_url"]["return_url"], SHOP);
    action["redirect_to_url"]["url"].as_str().unwrap()
}

/// Clicks a button of the page, and returns the redirect's target.
async fn click(page: &str, intent: &Value, outcome: &str) -> String {
    let secret = intent["client_secret"].as_str().unwrap();
    let form = [("client_secret", secret), ("outcome", outcome)];
    let answer = browser().post(page).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    answer.headers()["location"].to_str().unwrap().to_owned()
}

async fn read(sandbox: &Sandbox, intent: &Value) -> Value {
    let path = format!("/v1/payment_intents/{}", intent["id"].as_str().unwrap());
    sandbox.get(&path).await.body
}

#[tokio::test]
async fn a_customer_completes_or_fails_the_challenge_and_returns() {
    let sandbox = Sandbox::start();
    for (button, redirect_status, status) in [
        ("complete", "succeeded", "succeeded"),
        ("fail", "failed", "requires_payment_method"),
    ] {
        let intent = waiting(&sandbox, &[("return_url", SHOP)]).await;
        let page = page_of(&intent).to_owned();
        let shown = browser().get(&page).send().await.unwrap();
        assert_eq!(shown.status(), 200);
        let html = shown.text().await.unwrap();
        assert!(
            html.contains("id=\"complete\"") && html.contains("id=\"fail\""),
            "{html}"
        );
        assert!(
            html.contains("1200 EUR") && !html.contains("<script"),
            "{html}"
        );

        let id = intent["id"].as_str().unwrap();
        let expected = format!(
            "{SHOP}&payment_intent={id}&payment_intent_client_secret={id}_secret_sandbox\
             &redirect_status={redirect_status}"
        );
        assert_eq!(click(&page, &intent, button).await, expected);
        let ended = read(&sandbox, &intent).await;
        assert_eq!(ended["status"], status);
        assert_eq!(ended["next_action"], Value::Null);
        // A second click changes nothing.
        assert_eq!(click(&page, &intent, "complete").await, expected);
        assert_eq!(read(&sandbox, &intent).await["status"], status);
        let shown = browser().get(&page).send().await.unwrap();
        assert!(shown.text().await.unwrap().contains("Return to the store"));
    }
    assert_eq!(sandbox.order("o1").await["charges"], 1);
    let failed = sandbox.get("/v1/payment_intents?limit=1").await;
    let error = &failed.body["data"][0]["last_payment_error"];
    assert_eq!(error["code"], "payment_intent_authentication_failure");
    assert_eq!(error["type"], "invalid_request_error");
}

#[tokio::test]
async fn without_a_return_page_the_browser_library_handles_the_action() {
    let sandbox = Sandbox::start();
    for extra in [
        &[][..],
        &[("return_url", SHOP), ("use_stripe_sdk", "true")][..],
    ] {
        let intent = waiting(&sandbox, extra).await;
        assert_eq!(intent["next_action"]["type"], "use_stripe_sdk");
        let page = intent["next_action"]["use_stripe_sdk"]["stripe_js"].as_str();
        let secret = intent["client_secret"].as_str().unwrap();
        let form = [("client_secret", secret), ("outcome", "complete")];
        let ended = browser()
            .post(page.unwrap())
            .form(&form)
            .send()
            .await
            .unwrap();
        assert_eq!(ended.status(), 200);
        assert!(
            ended
                .text()
                .await
                .unwrap()
                .contains("The payment is complete.")
        );
        assert_eq!(read(&sandbox, &intent).await["status"], "succeeded");
    }
}

#[tokio::test]
async fn a_card_may_be_declined_after_its_challenge_or_need_none() {
    let sandbox = Sandbox::start();
    let created = sandbox.intent(&[]).await;
    let path = format!("/v1/payment_intents/{}/confirm", created.id());
    let token = "pm_card_threeDSecureRequiredChargeDeclined";
    let form = [("payment_method", token), ("return_url", SHOP)];
    let intent = sandbox.post(&path, &form).await.body;
    let page = page_of(&intent).to_owned();
    let back = click(&page, &intent, "complete").await;
    assert!(back.ends_with("redirect_status=failed"), "{back}");
    let declined = read(&sandbox, &intent).await;
    assert_eq!(declined["last_payment_error"]["code"], "card_declined");

    let created = sandbox.intent(&[]).await;
    let frictionless = sandbox
        .confirm(created.id(), "pm_card_threeDSecureOptional")
        .await;
    assert_eq!(frictionless.body["status"], "succeeded");
}

#[tokio::test]
async fn a_page_is_shown_only_with_the_secret() {
    let sandbox = Sandbox::start();
    let intent = waiting(&sandbox, &[("return_url", SHOP)]).await;
    let page = page_of(&intent).to_owned();
    let (address, _) = page.split_once('?').unwrap();
    let other = format!(
        "{}/3d-secure/pi_0?client_secret=pi_0_secret_sandbox",
        sandbox.url
    );
    for url in [address, &format!("{address}?client_secret=x"), &other] {
        let refused = browser().get(url).send().await.unwrap();
        assert_eq!(refused.status(), 404, "{url}");
    }
    let form = [("client_secret", "x"), ("outcome", "complete")];
    let refused = browser().post(&page).form(&form).send().await.unwrap();
    assert_eq!(refused.status(), 404);
    assert_eq!(read(&sandbox, &intent).await["status"], "requires_action");
}

#[tokio::test]
async fn the_outcome_of_the_page_is_reported_and_survives_a_restart() {
    let mut sandbox = Sandbox::start();
    let intent = waiting(&sandbox, &[("return_url", SHOP)]).await;
    sandbox.kill_and_restart();
    let again = read(&sandbox, &intent).await;
    assert_eq!(again["next_action"], intent["next_action"]);
    // The sandbox listens on another port now.
    let (_, address) = page_of(&intent).split_once("/3d-secure/").unwrap();
    let page = format!("{}/3d-secure/{address}", sandbox.url);
    click(&page, &intent, "fail").await;
    let events = sandbox.get("/v1/events?limit=2").await;
    let kinds: Vec<&Value> = events.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["type"])
        .collect();
    assert_eq!(
        kinds,
        [
            &json!("payment_intent.payment_failed"),
            &json!("payment_intent.requires_action")
        ]
    );
}

#[tokio::test]
async fn an_intent_that_allows_redirects_needs_a_return_page() {
    let sandbox = Sandbox::start();
    let automatic = ("automatic_payment_methods[enabled]", "true");
    for (redirects, refused) in [(None, true), (Some("always"), true), (Some("never"), false)] {
        let redirects = redirects.map(|it| ("automatic_payment_methods[allow_redirects]", it));
        let form: Vec<_> = [automatic].into_iter().chain(redirects).collect();
        let created = sandbox.intent(&form).await;
        let without = sandbox.confirm(created.id(), "pm_card_visa").await;
        assert_eq!(without.status == 400, refused, "{redirects:?}: {without:?}");
        if refused {
            assert_eq!(without.body["error"]["param"], "return_url");
            let path = format!("/v1/payment_intents/{}/confirm", created.id());
            let form = [("payment_method", "pm_card_visa"), ("return_url", SHOP)];
            let with = sandbox.post(&path, &form).await;
            assert_eq!(with.body["status"], "succeeded");
        }
    }
    let created = sandbox.intent(&[]).await;
    let path = format!("/v1/payment_intents/{}/confirm", created.id());
    let form = [
        ("payment_method", "pm_card_visa"),
        ("return_url", "nowhere"),
    ];
    let invalid = sandbox.post(&path, &form).await;
    assert_eq!((invalid.status, invalid.code()), (400, "url_invalid"));
}
