//! Placing, reading, cancelling and refunding orders, one at a time and concurrently.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Checks, Installation, Tenant};
use crate::answer::Answer;
use crate::request::{
    ATLANTA, CHICAGO, DECLINED_CARD, GADGET_C, UNKNOWN_ADDRESS, WIDGET_A, WIDGET_B, new_key, order,
    small_order, with,
};
use crate::stock::ATLANTA_WAREHOUSE;

/// Concurrent buyers, more than there are units of the product.
const BUYERS: usize = 60;
/// Units in stock.
const UNITS: usize = 25;

pub(super) async fn check(at: &Installation, tenants: &[Tenant; 3], checks: &mut Checks) {
    for tenant in tenants {
        place_and_read(at, tenant, checks).await;
    }
    refuse(at, &tenants[0], checks).await;
    reverse(at, &tenants[1], checks).await;
    list(at, &tenants[0], checks).await;
    strangers(at, tenants, checks).await;
    fight(at, &tenants[2], checks).await;
}

async fn place_and_read(at: &Installation, tenant: &Tenant, checks: &mut Checks) {
    let api = &at.api;
    let body = order(CHICAGO, &[(WIDGET_A, 1), (WIDGET_B, 2)]);
    let key = new_key();
    let placed = tenant.post_once(api, "/orders", &key, &body).await;
    checks.status("an order is placed", &placed, 201);
    let again = tenant.post_once(api, "/orders", &key, &body).await;
    checks.that(
        "a repeated request is replayed",
        again.status == 200 && again.body["cached"] == true,
        &again,
    );
    let other = tenant.post_once(api, "/orders", &key, &small_order()).await;
    checks.status("its key is rejected for another order", &other, 422);
    let path = format!(
        "/orders/{}",
        placed.body["orderId"].as_str().unwrap_or_default()
    );
    let read = tenant.get(api, &path).await;
    checks.that(
        "the order is read as PAID",
        read.status == 200 && read.body["status"] == "PAID",
        &read,
    );
    let tag = read.header("etag").unwrap_or_default().to_owned();
    let request = tenant
        .request(api, Method::GET, &path)
        .header("if-none-match", tag);
    let unmodified = Answer::of(request.send().await.unwrap()).await;
    checks.status("an unchanged order is answered with 304", &unmodified, 304);
    let timeline = tenant.get(api, &format!("{path}/timeline")).await;
    checks.status("the order has a timeline", &timeline, 200);
    let batch = (0..16).map(|_| tenant.post(api, "/orders", &body));
    let batch = join_all(batch).await;
    let placed = batch.iter().filter(|answer| answer.status == 201).count();
    checks.that("sixteen orders are placed together", placed == 16, &placed);
}

async fn refuse(at: &Installation, tenant: &Tenant, checks: &mut Checks) {
    let api = &at.api;
    let declined = with(small_order(), "creditCardNumber", json!(DECLINED_CARD));
    let declined = tenant.post(api, "/orders", &declined).await;
    checks.status("a card is declined", &declined, 402);
    let nowhere = tenant
        .post(api, "/orders", &order(UNKNOWN_ADDRESS, &[(WIDGET_A, 1)]))
        .await;
    checks.problem(
        "an unknown address is rejected",
        &nowhere,
        400,
        "geocoding.address_not_found",
    );
    let many = tenant
        .post(api, "/orders", &order(ATLANTA, &[(GADGET_C, 9999)]))
        .await;
    checks.that(
        "an order without enough stock is rejected",
        (400..500).contains(&many.status),
        &many,
    );
    let preview =
        json!({ "shippingAddress": ATLANTA, "items": [{ "productId": WIDGET_A, "quantity": 1 }] });
    let preview = tenant.post(api, "/routing/preview", &preview).await;
    checks.status("a route is previewed", &preview, 200);
}

async fn placed(at: &Installation, tenant: &Tenant) -> String {
    let placed = tenant
        .post(&at.api, "/orders", &order(ATLANTA, &[(WIDGET_A, 2)]))
        .await;
    let id = placed.body["orderId"].as_str().unwrap_or_default();
    format!("/orders/{id}")
}

async fn reverse(at: &Installation, tenant: &Tenant, checks: &mut Checks) {
    let api = &at.api;
    let path = placed(at, tenant).await;
    let cancelled = tenant
        .post(api, &format!("{path}/cancel"), &json!({}))
        .await;
    checks.that("an order is cancelled", cancelled.status < 300, &cancelled);
    let path = placed(at, tenant).await;
    let refunds = format!("{path}/refunds");
    let part = json!({ "amount": { "amountMinor": 500, "currency": "USD" } });
    let key = new_key();
    let refunded = tenant.post_once(api, &refunds, &key, &part).await;
    checks.that(
        "part of an order is refunded",
        refunded.status < 300,
        &refunded,
    );
    let again = tenant.post_once(api, &refunds, &key, &part).await;
    checks.status("a repeated refund is replayed", &again, 200);
    let rest = tenant.post(api, &refunds, &json!({})).await;
    checks.that("the rest is refunded", rest.status < 300, &rest);
    let read = tenant.get(api, &path).await;
    checks.that(
        "the order is REFUNDED",
        read.body["status"] == "REFUNDED",
        &read,
    );
    let listed = tenant.get(api, &refunds).await;
    let are_two = listed.body["items"]
        .as_array()
        .is_some_and(|them| them.len() == 2);
    checks.that("both refunds are listed", are_two, &listed);
    let nothing = tenant.post(api, &refunds, &part).await;
    checks.that(
        "a refund beyond the total is rejected",
        (400..500).contains(&nothing.status),
        &nothing,
    );
}

async fn list(at: &Installation, tenant: &Tenant, checks: &mut Checks) {
    let filters = [
        "sort=newest",
        "sort=oldest",
        "status=PAID",
        "status=FAILED",
        "status=PENDING_PAYMENT",
        "disputed=false",
        "customerId=aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
        &format!("warehouseId={ATLANTA_WAREHOUSE}"),
        "externalReference=none",
    ];
    for filter in filters {
        let listed = tenant
            .get(&at.api, &format!("/orders?limit=5&{filter}"))
            .await;
        checks.status(&format!("orders are listed by {filter}"), &listed, 200);
    }
    let (mut ids, mut cursor) = (BTreeSet::new(), String::new());
    for _ in 0..20 {
        let page = tenant
            .get(&at.api, &format!("/orders?limit=5{cursor}"))
            .await;
        let orders = page.body["items"].as_array().cloned().unwrap_or_default();
        ids.extend(orders.iter().map(|order| order["orderId"].to_string()));
        let Some(next) = page.body["nextCursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    // The first order, the batch of sixteen, and the declined order.
    checks.that("every order is on a page", ids.len() >= 18, &ids.len());
    for path in ["/operations/dead-letters", "/operations/findings"] {
        checks.status(
            "dead letters and findings are listed",
            &tenant.get(&at.api, path).await,
            200,
        );
    }
}

async fn strangers(at: &Installation, tenants: &[Tenant; 3], checks: &mut Checks) {
    let path = placed(at, &tenants[0]).await;
    for stranger in &tenants[1..] {
        checks.status(
            "another tenant's order is not found",
            &stranger.get(&at.api, &path).await,
            404,
        );
        let cancelled = stranger
            .post(&at.api, &format!("{path}/cancel"), &json!({}))
            .await;
        checks.status("another tenant's order can't be cancelled", &cancelled, 404);
    }
    let mut keyless = tenants[0].clone();
    keyless.key.push('x');
    checks.status(
        "an unknown key is rejected",
        &keyless.get(&at.api, &path).await,
        401,
    );
}

/// Checks concurrent buyers of scarce stock, and concurrent repetitions of one request.
async fn fight(at: &Installation, tenant: &Tenant, checks: &mut Checks) {
    let api = &at.api;
    let body = json!({ "sku": "RARE", "name": "Rare", "prices": [{ "amountMinor": 900, "currency": "USD" }] });
    let created = tenant.post(api, "/products", &body).await;
    let rare = created.body["id"].as_str().unwrap_or_default().to_owned();
    let lines = json!([{ "productId": rare, "quantity": UNITS }]);
    let body = json!({ "warehouseId": ATLANTA_WAREHOUSE, "lines": lines, "reason": "bought" });
    let received = tenant.post(api, "/stock-levels/receive", &body).await;
    checks.status("scarce stock is received", &received, 201);
    let wanted = order(ATLANTA, &[(rare.as_str(), 1)]);
    let buyers: Vec<Answer> =
        join_all((0..BUYERS).map(|_| tenant.post(api, "/orders", &wanted))).await;
    let sold = buyers.iter().filter(|answer| answer.status == 201).count();
    checks.that("exactly the available units are sold", sold == UNITS, &sold);
    let levels = tenant
        .get(api, &format!("/stock-levels?productId={rare}"))
        .await;
    let level = &levels.body["items"][0];
    let is_held = level["reserved"] == json!(UNITS);
    checks.that("all sold units are reserved", is_held, &levels);
    let (key, body) = (new_key(), small_order());
    let same = (0..20).map(|_| tenant.post_once(api, "/orders", &key, &body));
    let same: Vec<Answer> = join_all(same).await;
    let ids: BTreeSet<&str> = same
        .iter()
        .filter(|answer| answer.status < 300)
        .filter_map(|answer: &Answer| answer.body["orderId"].as_str())
        .collect();
    checks.that("one key places one order", ids.len() == 1, &ids);
    let others = same
        .iter()
        .filter(|answer| !matches!(answer.status, 200 | 201 | 409));
    let others: Vec<&Value> = others.map(|answer| &answer.body).collect();
    checks.that(
        "repetitions have no other statuses",
        others.is_empty(),
        &others,
    );
}
