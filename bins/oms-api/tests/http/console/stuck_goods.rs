//! Orders whose goods are stuck, each understood and ended in a browser.

use serde_json::json;

use super::stuck::{ends, signed_in, understand};
use crate::request::{WIDGET_A, new_key};
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
    let texts = [
        "Its goods are held because no warehouse can send them: the bin is empty.",
        "We hold 10.00 USD.",
        "reserved in Atlanta Distribution Center",
        "You act next",
        "An operator moves the goods to a warehouse that can send them, or cancels the order.",
    ];
    understand(&page, &shop, &order, "10-rejected", &texts).await;
    // The other warehouses get new stock.
    shop.database.stock_up(5).await;
    page.press("Move…").await;
    page.click("#goods details:last-of-type summary").await;
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
