//! Stuck orders, each understood and ended in a browser: what happened, where the money is, who acts next and
//! what to press stand on the first screen of the order's page.

use serde_json::{Value, json};

use crate::api::{SWEEPING, Settings};
use crate::browser::Page;
use crate::eventually::until;
use crate::payments::three_d_secure::paying;
use crate::receiver::{Manner, Receiver};
use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::Shop;

pub(super) const ALL: &str = "orders:read orders:cancel orders:refund operations fulfilment:read fulfilment:write inventory:read returns:read returns:write returns:receive webhooks:read webhooks:write";

/// The sweeper gives up after the first try.
const IMPATIENT: Settings<'_> = &[SWEEPING, ("OMS_SWEEP_MAX_TRIES", "1")];

/// A browser in which an operator has signed in.
pub(super) async fn signed_in(shop: &Shop) -> Page {
    let page = Page::blank().await;
    page.set_viewport(1280, 800).await;
    page.go_to(&format!("{}/console", shop.api.url)).await;
    let key = shop.key("ann", ALL).await;
    page.fill("#api_key", &key).await;
    page.press("Sign in").await;
    page.shows("Newest orders").await;
    page
}

/// Opens an order from Home, with one click, and checks that its first screen says these texts and has this button.
pub(super) async fn understand(
    page: &Page,
    shop: &Shop,
    order_id: &str,
    name: &str,
    texts: &[&str],
) {
    page.go_to(&format!("{}/console", shop.api.url)).await;
    page.click(&format!("a[href='/console/orders/{order_id}']"))
        .await;
    page.shows("What is going on").await;
    for text in texts {
        page.shows(text).await;
    }
    let end = "document.querySelector('.going').getBoundingClientRect().bottom";
    let end = page.evaluate(end).await.as_f64().unwrap();
    assert!(end <= 800.0, "{name}: it ends at {end}");
    page.screenshot(&format!("console-{name}")).await;
}

/// Checks that Home says why the newest order needs an operator.
pub(super) async fn needs(page: &Page, shop: &Shop, why: &str) {
    page.go_to(&format!("{}/console", shop.api.url)).await;
    page.shows(&format!("Needs you: {why}")).await;
}

pub(super) async fn ends(page: &Page, name: &str, text: &str) {
    page.wait_for(
        &format!("the order is {text:?}"),
        &format!(
            "document.querySelector('h1 .badge')?.textContent === {}",
            json!(text)
        ),
    )
    .await;
    page.screenshot(&format!("console-{name}-after")).await;
    // A page that is left while it refreshes itself aborts a request, which is no error.
    assert_eq!(page.errors(), Vec::<String>::new(), "{name}");
}

/// The answer to the confirmation is lost, and the gateway does not tell the outcome once more.
pub(super) fn lost() -> Value {
    json!([
        { "operation": "confirm", "action": { "type": "error_after", "status": 502 } },
        { "operation": "retrieve", "action": { "type": "error_before", "status": 503 } },
    ])
}

#[tokio::test]
async fn a_payment_whose_answer_was_lost_is_settled_at_the_press_of_a_button() {
    let shop = Shop::open_with(&[SWEEPING]).await;
    shop.sandbox.plan(lost()).await;
    let pending = shop.place_new(&small_order()).await;
    pending.assert_pending();
    let (page, order) = (signed_in(&shop).await, pending.order_id());
    let texts = [
        "gave no clear answer when it was asked to collect the payment",
        "Unknown: stripe may have taken 10.00 USD.",
        "1 unit reserved in Atlanta Distribution Center.",
        "oms acts next",
        "try 1 of 20",
        "oms asks the gateway now for the outcome of the payment, and charges nothing a second time.",
    ];
    understand(&page, &shop, &order, "1-answer-lost", &texts).await;
    let books = "document.querySelector('[aria-labelledby=payment] dl').textContent";
    let books = page.evaluate(books).await.to_string();
    assert!(books.contains("Held of the paymentUnknown"), "{books}");
    page.press("Try now").await;
    ends(&page, "1-answer-lost", "Paid").await;
    assert_eq!(shop.sandbox.money(&order).await, (1000, 0));
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_order_that_no_gateway_answers_for_is_left_to_the_sweeper_again() {
    let shop = Shop::open_with(IMPATIENT).await;
    let gone = json!([
        { "operation": "confirm", "action": { "type": "error_after", "status": 502 } },
        { "operation": "retrieve", "action": { "type": "error_before", "status": 503 }, "times": null },
    ]);
    shop.sandbox.plan(gone).await;
    let pending = shop.place_new(&small_order()).await;
    pending.assert_pending();
    let (page, order) = (signed_in(&shop).await, pending.order_id());
    page.go_to(&format!("{}/console/orders/{order}", shop.api.url))
        .await;
    page.press("Try now").await;
    until("the sweeper gave up", async || {
        shop.database.dead_letters().await == 1
    })
    .await;
    needs(&page, &shop, "left by oms").await;
    let texts = ["You act next", "stripe", "1 unit reserved"];
    understand(&page, &shop, &order, "2-gateway-gone", &texts).await;
    // The gateway can be asked, and still does not answer.
    page.press("Resolve…").await;
    page.shows("Why it needs you").await;
    page.press("Ask the gateway now").await;
    page.shows("This proves nothing. Try again when the gateway answers.")
        .await;
    page.screenshot("console-2-gateway-asked").await;
    shop.sandbox.release().await;
    page.press("Leave it to oms").await;
    ends(&page, "2-gateway-gone", "Paid").await;
    assert_eq!(shop.sandbox.money(&order).await, (1000, 0));
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_order_that_waits_for_its_customer_is_cancelled() {
    let shop = Shop::open().await;
    let challenged = paying(
        "pm_card_threeDSecure2Required",
        Some("https://shop.example/done"),
    );
    let pending = shop.place_new(&challenged).await;
    pending.assert_pending();
    let (page, order) = (signed_in(&shop).await, pending.order_id());
    let texts = ["The customer acts next", "1 unit reserved"];
    understand(&page, &shop, &order, "3-customer", &texts).await;
    page.press("Cancel…").await;
    page.shows("Cancel the order").await;
    page.fill("details[open] input[name=reason]", "the customer called")
        .await;
    page.click("details[open] form button").await;
    ends(&page, "3-customer", "Cancelled").await;
    page.shows("the customer called").await;
    page.shows("operator:ann").await;
    assert_eq!(shop.sandbox.money(&order).await, (0, 0));
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_refund_that_the_gateway_does_not_answer_is_given_up() {
    let shop = Shop::open_with(IMPATIENT).await;
    let order = shop.place_new(&small_order()).await.order_id();
    let page = signed_in(&shop).await;
    let silent = json!([
        { "operation": "refund", "action": { "type": "error_before", "status": 503 }, "times": null },
        { "operation": "list", "action": { "type": "error_before", "status": 503 }, "times": null },
    ]);
    page.go_to(&format!("{}/console/orders/{order}/refund", shop.api.url))
        .await;
    page.click("input[value=rest]").await;
    page.fill("#reason", "it arrived broken").await;
    page.press("Preview").await;
    page.shows("This refunds 10.00 USD").await;
    page.screenshot("console-5-refund-preview").await;
    shop.sandbox.plan(silent).await;
    page.press("Refund 10.00 USD").await;
    page.shows("The refund was requested.").await;
    page.press("Try now").await;
    until("the sweeper gave up", async || {
        shop.database.dead_letters().await == 1
    })
    .await;
    let texts = ["You act next", "10.00 USD"];
    understand(&page, &shop, &order, "5-refund", &texts).await;
    page.press("Resolve…").await;
    page.click("input[value=refund_given_up]").await;
    page.fill("#reason", "the customer keeps it").await;
    page.press("Settle the order").await;
    page.shows("I have read what the gateway says").await;
    page.screenshot("console-5-refund-confirm").await;
    page.click("input[name=confirmed]").await;
    page.press("Settle the order").await;
    ends_with_refusals(&page, "5-refund", "Paid").await;
    assert_eq!(shop.sandbox.money(&order).await, (1000, 0));
}

/// Like [`ends`], where a page in between was a refusal, which a browser reports as a failed request.
async fn ends_with_refusals(page: &Page, name: &str, text: &str) {
    page.wait_for(
        &format!("the order is {text:?}"),
        &format!(
            "document.querySelector('h1 .badge')?.textContent === {}",
            json!(text)
        ),
    )
    .await;
    page.screenshot(&format!("console-{name}-after")).await;
}

#[tokio::test]
async fn an_event_that_an_endpoint_rejected_is_sent_again() {
    let shop = Shop::open_with(&[("OMS_EVENTS_INTERVAL_MS", "50")]).await;
    let receiver = Receiver::start(Manner::Answers(500)).await;
    let endpoint = json!({ "url": receiver.url, "ordering": "none" });
    let request = shop.customer().post("/webhook-endpoints");
    let request = request.header("idempotency-key", new_key()).json(&endpoint);
    assert_eq!(request.send().await.unwrap().status(), 201);
    let order = shop.place_new(&small_order()).await.order_id();
    let rejected = "SELECT count(*) FROM events.deliveries WHERE state = 'retrying'";
    until("the events were rejected", async || {
        shop.database.number(rejected).await >= 1
    })
    .await;
    let page = signed_in(&shop).await;
    understand(
        &page,
        &shop,
        &order,
        "6-endpoint",
        &["Webhooks not received", "Rejected with 500"],
    )
    .await;
    receiver.becomes(Manner::Answers(204));
    let left = "SELECT count(*) FROM events.deliveries";
    while shop.database.number(left).await > 0 {
        page.go_to(&format!("{}/console/orders/{order}", shop.api.url))
            .await;
        if page
            .evaluate("!!document.querySelector('button[value=retry]')")
            .await
            == true
        {
            page.click("button[value=retry]").await;
            // It may have been delivered before the button was pressed.
            page.wait_for("a notice", "!!document.querySelector('.notice.ok')")
                .await;
            let text = page.text().await;
            let said = [
                "The event is sent again.",
                "The event does not wait any more.",
            ];
            assert!(said.iter().any(|said| text.contains(said)), "{text}");
        }
    }
    page.go_to(&format!("{}/console/orders/{order}", shop.api.url))
        .await;
    assert!(!page.text().await.contains("Webhooks not received"));
    page.assert_flawless().await;
}

/// The rules of WCAG that a program can check: axe, which the tests of the storefront use too.
const AXE: &str = "../../sdk/typescript/node_modules/axe-core/axe.min.js";

/// Checks the page against WCAG 2.2 AA. It gets axe once.
pub async fn assert_accessible(page: &Page, name: &str) {
    if page.evaluate("!window.axe").await == true {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(AXE);
        let axe = std::fs::read_to_string(&path);
        let axe = axe.unwrap_or_else(|error| {
            panic!(
                "{}: {error}; run `npm ci` in sdk/typescript",
                path.display()
            )
        });
        page.evaluate(&format!("{axe};0")).await;
    }
    let run = "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })\
        .then(found => found.violations.map(it => it.id + ': ' + it.nodes.map(node => node.html).join(' ')))";
    let violations = page.evaluate(run).await;
    assert_eq!(violations, json!([]), "{name}");
}
