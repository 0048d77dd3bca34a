//! Orders whose goods are stuck, each understood and ended in a browser.

use oms_testing::generated::keep_picture;
use serde_json::json;

use super::desk::Desk;
use super::stuck::{ALL, ends, needs, signed_in, understand};
use crate::eventually::until;
use crate::keys::TENANT;
use crate::receiver::{Manner, Receiver};
use crate::request::{WIDGET_A, new_key, small_order, with};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

#[tokio::test]
async fn an_order_that_its_warehouse_rejected_is_moved_and_sent() {
    let shop = Shop::open().await;
    shop.database
        .leave_only_in(ATLANTA_WAREHOUSE, WIDGET_A)
        .await;
    let page = signed_in(&shop).await;
    let order = shop.paid().await;
    let work = shop.fulfilment_order_of(&order).await;
    let path = format!("/fulfilment-orders/{work}/reject");
    let why = json!({ "reason": "not_found", "note": "the bin is empty" });
    let rejected = shop.post_once(&path, &new_key(), &why).await;
    assert_eq!(rejected.body["outcome"], "held", "{rejected:?}");
    needs(&page, &shop, "goods on hold").await;
    let texts = [
        "Its goods are held because no warehouse can send them: the bin is empty.",
        "We hold 10.00 USD.",
        "reserved in Atlanta Distribution Center",
        "You act next",
        "An operator moves the goods to a warehouse that can send them, or cancels the order.",
    ];
    understand(&page, &shop, &order, "10-rejected", &texts).await;
    let picture = page.screenshot("console-readme").await;
    keep_picture("docs/console.png", &picture);
    // The other warehouses get new stock.
    shop.database.stock_up(5).await;
    page.press("Move…").await;
    page.fill("#why-1", "it has new stock").await;
    page.press("Move").await;
    page.shows("The units were moved.").await;
    page.shows("The warehouse acts next").await;
    page.shows("reserved in Chicago Fulfillment Hub").await;
    page.screenshot("console-10-moved").await;
    page.click("#goods details summary").await;
    page.press("Record as sent").await;
    page.shows("1 unit sent in 1 shipment.").await;
    ends(&page, "10-rejected", "Paid").await;
    let atlanta = shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await;
    assert_eq!(atlanta.reserved, 0);
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_order_has_its_name_and_what_it_needs_on_every_page() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", ALL).await;
    let named = with(small_order(), "externalReference", json!("WEB-2070"));
    let order = shop.place_new(&named).await.order_id();
    let work = shop.fulfilment_order_of(&order).await;
    let said = async |path: &str, text: &str| {
        let page = desk.page(path).await;
        assert!(page.contains(text), "{path}: {text}: {page}");
    };
    let link = format!("<a href=\"/console/orders/{order}\">WEB-2070</a>");
    let page = format!("/console/orders/{order}");
    let picking = format!("/console/picking?warehouse={ATLANTA_WAREHOUSE}");
    said(&picking, &link).await;
    let refund = format!("{page}/refund");
    said(&refund, &link).await;
    said(&refund, "<h1>Refund order WEB-2070</h1>").await;
    assert!(!desk.page("/console").await.contains("Needs you"));
    said("/console", "Nothing needs you.").await;
    said("/console/holds", "Nothing is on hold").await;

    let hold = json!({ "handle": "check", "reason": "fraud_check" });
    let path = format!("/fulfilment-orders/{work}/holds");
    let held = shop.post_once(&path, &new_key(), &hold).await;
    assert!(held.status < 300, "{held:?}");
    said("/console", "Needs you: goods on hold").await;
    let number = |href: &str, label: &str| {
        format!("<a href=\"{href}\">{label}</a></span><span class=\"value\">1</span>")
    };
    said("/console", "This needs you:").await;
    said("/console", &number("/console/holds", "On hold")).await;
    let row = format!("href=\"/console/orders/{order}\">WEB-2070</a>");
    said("/console/holds", &row).await;
    said("/console/holds", "The order may be fraudulent").await;
    said(&page, "is on hold: the order may be fraudulent").await;
    let open = format!("{page}?open=release-{work}");
    said(&page, &format!("href=\"{open}#goods-{work}\"")).await;
    let form = "<details class=\"action start\" open><summary class=\"button small\">Release the hold check…";
    said(&open, form).await;
    assert!(!desk.page(&page).await.contains(form));

    // What oms does by itself needs nobody.
    let finding = "11111111-2222-4333-8444-555555555555";
    let insert = format!(
        "INSERT INTO orders.findings
             (tenant_id, id, kind, gateway, subject, charge_reference, order_id, detail, action, tries, due_at)
         VALUES ('{TENANT}', '{finding}', 'charge_on_ended_order', 'stripe', 'ch_1', 'ch_1', '{order}', 'x', 'refund', 1,
             now() + interval '1 day')"
    );
    shop.database.execute(&insert).await;
    said("/console/orders", "Needs you: goods on hold").await;
    let given_up = format!("UPDATE orders.findings SET due_at = NULL WHERE id = '{finding}'");
    shop.database.execute(&given_up).await;
    said("/console/orders", "Needs you: the books differ").await;
    said("/console/findings", &link).await;
    said(&format!("/console/findings/{finding}"), &link).await;
}

#[tokio::test]
async fn a_return_of_which_half_arrived_is_closed() {
    let shop = Shop::open().await;
    let page = signed_in(&shop).await;
    let (order, _) = shop.delivered(3).await;
    let id = shop.approved_return(&order, 2).await;
    let half = json!({ "line": 1, "restock": 1 });
    let received = shop.receive(&id, &half).await;
    assert_eq!(received.status, 201, "{received:?}");
    let texts = [
        "3 units delivered in 1 shipment. 1 unit came back: 1 for sale again.",
        "We hold 20.00 USD of 30.00 USD; 10.00 USD was refunded.",
        "The customer acts next",
        "The customer sends 1 unit more of return 1, or an operator closes the return.",
    ];
    understand(&page, &shop, &order, "11-half-returned", &texts).await;
    page.press("Open the return").await;
    page.shows("1 still expected").await;
    page.screenshot("console-11-return").await;
    page.press("Close").await;
    page.fill("#why-close", "the customer keeps the other one")
        .await;
    page.click("button[value=close]").await;
    page.shows("Closed").await;
    page.screenshot("console-11-return-closed").await;
    page.go_to(&format!("{}/console/orders/{order}", shop.api.url))
        .await;
    page.shows("Nobody has to act").await;
    ends(&page, "11-half-returned", "Paid").await;
    assert_eq!(shop.sandbox.money(&order).await, (3000, 1000));
    let closed = "SELECT count(*) FROM fulfilment.returns WHERE status = 'CLOSED'";
    assert_eq!(shop.database.number(closed).await, 1);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_endpoint_that_was_down_gets_its_events() {
    let shop = Shop::open_with(&[("OMS_EVENTS_INTERVAL_MS", "50")]).await;
    let receiver = Receiver::start(Manner::Answers(503)).await;
    let endpoint = json!({ "url": receiver.url, "types": ["order.*"] });
    let created = shop
        .post_once("/webhook-endpoints", &new_key(), &endpoint)
        .await;
    assert_eq!(created.status, 201, "{created:?}");
    let order = shop.paid().await;
    let failing = "SELECT count(*) FROM events.endpoints WHERE failing_since IS NOT NULL";
    until("the endpoint fails", async || {
        shop.database.number(failing).await == 1
    })
    .await;
    let page = signed_in(&shop).await;
    page.press("Webhook endpoints failing").await;
    page.shows("an endpoint that is down keeps its place").await;
    page.shows("Nothing has reached it for").await;
    page.screenshot("console-12-endpoints").await;
    page.click("main a.row").await;
    page.shows("Failing").await;
    page.screenshot("console-12-endpoint").await;
    // It works again. oms would find out by itself, at its next probe.
    receiver.becomes(Manner::Answers(204));
    page.press("Pause…").await;
    page.shows("It keeps its place").await;
    page.screenshot("console-12-endpoint-pausing").await;
    page.press("Pause the endpoint").await;
    page.shows("The endpoint was paused.").await;
    page.press("Enable…").await;
    page.screenshot("console-12-endpoint-enabling").await;
    page.press("Enable the endpoint").await;
    page.shows("Events are sent again, from where it stopped.")
        .await;
    until("the endpoint has the order", async || {
        let received = receiver.received();
        let mut bodies = received.iter().map(|it| String::from_utf8_lossy(&it.body));
        shop.database.number(failing).await == 0 && bodies.any(|it| it.contains("order.paid"))
    })
    .await;
    page.go_to(&page.url().await).await;
    page.shows("Enabled").await;
    page.screenshot("console-12-endpoint-after").await;
    page.go_to(&format!("{}/console/orders/{order}", shop.api.url))
        .await;
    assert!(!page.text().await.contains("Webhooks not received"));
    ends(&page, "12-endpoint-down", "Paid").await;
    shop.assert_consistent().await;
}
