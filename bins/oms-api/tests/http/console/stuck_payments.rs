//! Orders whose payment is stuck in ways that the gateway causes, each understood and ended in a browser.

use serde_json::json;

use super::stuck::{ALL, ends, lost, needs, signed_in, understand};
use crate::api::SWEEPING;
use crate::browser::Page;
use crate::eventually::until;
use crate::giving_back::part;
use crate::invariants::assert_invariants;
use crate::payments::three_d_secure::{CHALLENGING, paying};
use crate::reporting::SECRET;
use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::Shop;

/// Opens the page of an order.
async fn open(page: &Page, shop: &Shop, order: &str) {
    page.go_to(&format!("{}/console/orders/{order}", shop.api.url))
        .await;
}

/// An order that the sweeper gave up because the gateway took another amount.
async fn given_up(page: &Page, shop: &Shop, took: serde_json::Value) -> String {
    let before = shop.database.dead_letters().await;
    shop.sandbox.plan(lost()).await;
    let pending = shop.place_new(&small_order()).await;
    pending.assert_pending();
    let order = pending.order_id();
    shop.sandbox.tamper(&order, took).await;
    open(page, shop, &order).await;
    page.press("Try now").await;
    until("the sweeper gave up", async || {
        shop.database.dead_letters().await > before
    })
    .await;
    order
}

async fn resolve_the_finding(page: &Page, how: &str) {
    page.press("Resolve the finding…").await;
    page.fill("#reason", how).await;
    page.press("Resolve the finding").await;
    page.shows("Resolved by operator:ann").await;
}

#[tokio::test]
async fn a_payment_of_another_amount_is_refunded_by_a_cancellation() {
    let shop = Shop::open_with(&[SWEEPING]).await;
    let page = signed_in(&shop).await;
    let order = given_up(&page, &shop, json!({ "amountReceived": 900 })).await;
    let texts = [
        "stripe took 9.00 USD instead of 10.00 USD.",
        "1 unit reserved in Atlanta Distribution Center.",
        "You act next",
        "An operator cancels the order, which refunds 9.00 USD",
        "Cancel the order, and refund 9.00 USD.",
    ];
    understand(&page, &shop, &order, "4-another-amount", &texts).await;
    page.press("Cancel…").await;
    page.shows("Cancel the order and refund 9.00 USD").await;
    page.fill("details[open] input[name=reason]", "it cost more")
        .await;
    page.click("details[open] form button").await;
    ends(&page, "4-another-amount", "Cancelled").await;
    page.shows("Nobody has to act").await;
    assert_eq!(shop.sandbox.money(&order).await, (900, 900));
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    shop.assert_consistent().await;
}

/// Our books have one currency for each order.
#[tokio::test]
async fn a_payment_in_another_currency_is_refunded_at_the_gateway_and_settled_by_hand() {
    let shop = Shop::open_with(&[SWEEPING]).await;
    let page = signed_in(&shop).await;
    let order = given_up(&page, &shop, json!({ "currency": "eur" })).await;
    let texts = [
        "stripe took 10.00 EUR instead of 10.00 USD.",
        "oms can refund only USD.",
        "An operator refunds 10.00 EUR at stripe",
    ];
    understand(&page, &shop, &order, "4-another-currency", &texts).await;
    assert!(!page.text().await.contains("Cancel…"));
    // A client of the API may cancel it nevertheless, and is told the same.
    assert_eq!(shop.cancel(&order).await.status, 202);
    understand(
        &page,
        &shop,
        &order,
        "4-another-currency-cancelling",
        &texts,
    )
    .await;
    page.press("Resolve…").await;
    page.press("Ask the gateway now").await;
    page.shows("10.00 EUR is left with the merchant.").await;
    shop.sandbox.refund_in_dashboard(&order, 1000).await;
    page.press("Ask the gateway now").await;
    page.shows("This proves “failed”, “settled elsewhere”")
        .await;
    page.screenshot("console-4-another-currency-asked").await;
    page.click("input[value=settled_elsewhere]").await;
    page.fill("#reason", "refunded in the dashboard").await;
    page.press("Settle the order").await;
    ends(&page, "4-another-currency", "Cancelled").await;
    page.shows("refunded in the dashboard").await;
    assert_eq!(shop.sandbox.money(&order).await, (1000, 1000));
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
}

#[tokio::test]
async fn a_payment_that_its_customer_abandoned_is_ended() {
    let shop = Shop::open_with(&[SWEEPING]).await;
    let page = signed_in(&shop).await;
    let pending = shop
        .place_new(&paying(CHALLENGING, Some("https://shop.example/done")))
        .await;
    pending.assert_pending();
    let order = pending.order_id();
    shop.database.pass_an_hour().await;
    let texts = [
        "The bank wants the customer to confirm the payment",
        "No money was taken.",
        "oms acts next",
        "The customer did not confirm the payment by",
        "oms asks the gateway now for the outcome of the payment, and charges nothing a second time.",
    ];
    understand(&page, &shop, &order, "7-abandoned", &texts).await;
    page.press("Try now").await;
    ends(&page, "7-abandoned", "Failed").await;
    page.shows("1 unit released").await;
    assert_eq!(shop.sandbox.last_status(&order).await, "canceled");
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_refund_that_failed_later_is_made_again() {
    let shop = Shop::open().await;
    let page = signed_in(&shop).await;
    shop.sandbox.report_to(&shop.api.url, SECRET).await;
    let order = shop.paid().await;
    let refunded = shop.refund(&order, &new_key(), &part(400)).await;
    let name = refunded.body["reference"].as_str().unwrap();
    let failure = json!({ "status": "failed", "failureReason": "lost_or_stolen_card" });
    let path = format!("refunds/{name}/settle");
    shop.sandbox.happens(&path, failure).await;
    let found = "SELECT count(*) FROM orders.findings WHERE resolved_at IS NULL";
    until("the failure is found", async || {
        shop.database.number(found).await == 1
    })
    .await;
    needs(&page, &shop, "refund failed").await;
    let texts = [
        "stripe reported that the refund of 4.00 USD failed: the card was lost or stolen. The customer does not have the money.",
        "We hold 10.00 USD. 4.00 USD of it is owed to the customer.",
        "You act next",
        "An operator refunds 4.00 USD",
        "Refund 4.00 USD, which is owed to the customer, or up to 10.00 USD. The money goes to the same card.",
    ];
    understand(&page, &shop, &order, "9-refund-failed", &texts).await;
    let text = page.text().await;
    assert!(text.contains("The card was lost or stolen"), "{text}");
    assert!(!text.contains("lost_or_stolen_card"), "{text}");
    page.press("Refund…").await;
    page.shows("4.00 USD is owed to the customer.").await;
    page.fill("#reason", "to another card").await;
    page.press("Preview").await;
    page.shows("This refunds 4.00 USD").await;
    page.screenshot("console-9-refund-preview").await;
    page.press("Refund 4.00 USD").await;
    page.shows("We hold 6.00 USD of 10.00 USD; 4.00 USD was refunded.")
        .await;
    page.shows("The warehouse acts next").await;
    ends(&page, "9-refund-failed", "Paid").await;
    assert_eq!(shop.database.number(found).await, 0);
    assert_eq!(shop.sandbox.money(&order).await, (1000, 400));
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_dispute_is_answered_and_its_loss_is_booked() {
    let shop = Shop::open().await;
    let page = signed_in(&shop).await;
    shop.sandbox.report_to(&shop.api.url, SECRET).await;
    let order = shop.paid().await;
    let intent = shop.sandbox.order(&order).await["intents"][0]["id"].clone();
    let opened = json!({ "payment_intent": intent, "reason": "product_not_received" });
    let dispute = shop.sandbox.happens("disputes", opened).await;
    let found = "SELECT count(*) FROM orders.findings WHERE resolved_at IS NULL";
    until("the dispute is found", async || {
        shop.database.number(found).await == 1
    })
    .await;
    needs(&page, &shop, "dispute").await;
    let texts = [
        "The customer disputes 10.00 USD of the payment at the bank: the customer says that the goods did not arrive.",
        "The bank may give 10.00 USD of it to the customer.",
        "You act next",
        "An operator submits evidence at the gateway until",
        "Nothing was sent, so there is no proof of delivery",
        "Answer or accept the dispute at the gateway first, and then say so here.",
    ];
    understand(&page, &shop, &order, "8-disputed", &texts).await;
    let text = page.text().await;
    let said = "The customer says that the goods did not arrive. The bank waits for evidence.";
    assert!(text.contains(said), "{text}");
    for code in ["product_not_received", "needs_response", "minor units"] {
        assert!(!text.contains(code), "{code}: {text}");
    }
    page.press("Resolve the finding…").await;
    page.shows("Nothing was sent, so there is no proof of delivery")
        .await;
    page.shows("Resolving the finding moves no money.").await;
    open(&page, &shop, &order).await;
    resolve_the_finding(&page, "evidence was submitted").await;
    let texts = ["The bank acts next", "The bank decides about the dispute."];
    understand(&page, &shop, &order, "8-dispute-answered", &texts).await;
    shop.assert_consistent().await;

    let path = format!("disputes/{}/settle", dispute["id"].as_str().unwrap());
    let lost = json!({ "status": "lost" });
    shop.sandbox.happens(&path, lost).await;
    shop.becomes(&order, "REFUNDED").await;
    let texts = [
        "The bank decided a dispute for the customer, who keeps 10.00 USD.",
        "We hold nothing",
        "1 unit cancelled",
        "An operator books the loss",
    ];
    understand(&page, &shop, &order, "8-dispute-lost", &texts).await;
    resolve_the_finding(&page, "booked as a loss").await;
    open(&page, &shop, &order).await;
    page.shows("Nobody has to act").await;
    ends(&page, "8-dispute-lost", "Refunded").await;
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    assert_invariants(&shop.database).await;
}

/// By forms and links alone: as without a mouse, on a phone, and in a browser that runs no scripts.
#[tokio::test]
async fn an_order_is_ended_with_the_keyboard_on_a_narrow_screen_without_scripts() {
    let shop = Shop::open().await;
    let challenged = paying(CHALLENGING, Some("https://shop.example/done"));
    let pending = shop.place_new(&challenged).await;
    pending.assert_pending();
    let order = pending.order_id();
    let page = Page::blank().await;
    page.set_viewport(320, 800).await;
    page.without_scripts().await;
    page.go_to(&format!("{}/console", shop.api.url)).await;
    page.focus("#api_key").await;
    page.type_text(&shop.key("ann", ALL).await).await;
    page.press_key("Enter").await;
    page.shows("Newest orders").await;
    open(&page, &shop, &order).await;
    page.shows("The customer acts next").await;
    let width = page.evaluate("document.documentElement.scrollWidth").await;
    assert!(width.as_u64().unwrap() <= 320, "{width} wide");
    page.screenshot("console-13-narrow").await;
    let is_there = "document.activeElement.matches('.do summary')";
    let mut stops = 0;
    while page.evaluate(is_there).await != true {
        page.press_key("Tab").await;
        stops += 1;
        assert!(stops < 40, "the keyboard does not reach the action");
    }
    page.press_key("Enter").await;
    page.press_key("Tab").await;
    page.type_text("the customer called").await;
    page.screenshot("console-13-narrow-filled").await;
    page.press_key("Enter").await;
    page.shows("The order was cancelled.").await;
    ends(&page, "13-narrow", "Cancelled").await;
    page.shows("the customer called").await;
    assert_eq!(shop.database.status(&order).await, "CANCELLED");
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    shop.assert_consistent().await;
}
