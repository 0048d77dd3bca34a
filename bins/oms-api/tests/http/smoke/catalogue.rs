//! API keys and inventory operations.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{Checks, Installation, Tenant};
use crate::answer::Answer;
use crate::request::{WIDGET_A, new_key};
use crate::stock::{ATLANTA_WAREHOUSE, CHICAGO_WAREHOUSE};

pub(super) async fn check(at: &Installation, tenants: &[Tenant; 3], checks: &mut Checks) {
    keys(at, &tenants[0], checks).await;
    for tenant in tenants {
        warehouses(at, tenant, checks).await;
    }
    products(at, &tenants[0], checks).await;
    stock(at, &tenants[0], checks).await;
    imports(at, &tenants[1], checks).await;
}

async fn keys(at: &Installation, tenant: &Tenant, checks: &mut Checks) {
    let of = format!("--tenant {}", tenant.id);
    let again = at
        .run(
            &format!("keys create --name smoke --scope orders:read {of}"),
            &[],
        )
        .await;
    checks.that(
        "a second key with the same name is rejected",
        !again.status.success(),
        &again,
    );
    let second = at.run(&format!("keys rotate --name smoke {of}"), &[]).await;
    checks.that("a key is rotated", second.status.success(), &second);
    let other = at
        .run(
            &format!("keys create --name other --scope orders:read {of}"),
            &[],
        )
        .await;
    let listed = at.run(&format!("keys list {of}"), &[]).await;
    checks.that(
        "three keys are listed",
        listed.stdout.lines().count() == 3,
        &listed,
    );
    let reader = Tenant {
        key: other.stdout.trim().to_owned(),
        ..tenant.clone()
    };
    checks.status(
        "a key with orders:read reads orders",
        &reader.get(&at.api, "/orders").await,
        200,
    );
    let forbidden = reader.get(&at.api, "/warehouses").await;
    checks.problem(
        "a key without the scope is forbidden",
        &forbidden,
        403,
        "access.forbidden",
    );
    let id = listed.stdout.lines().find(|line| line.contains("other"));
    let id = id
        .and_then(|line| line.split_whitespace().next())
        .unwrap_or_default();
    let revoked = at.run(&format!("keys revoke {id} {of}"), &[]).await;
    checks.that("a key is revoked", revoked.status.success(), &revoked);
    let listed = at.run(&format!("keys list {of}"), &[]).await;
    checks.that(
        "it is listed as revoked",
        listed.stdout.contains("revoked"),
        &listed,
    );
}

async fn warehouses(at: &Installation, tenant: &Tenant, checks: &mut Checks) {
    let api = &at.api;
    let body = json!({ "name": "Seattle", "location": { "lat": 47.6, "lng": -122.3 } });
    let key = new_key();
    let created = tenant.post_once(api, "/warehouses", &key, &body).await;
    checks.status("a warehouse is created", &created, 201);
    let again = tenant.post_once(api, "/warehouses", &key, &body).await;
    checks.status("the request is replayed", &again, 200);
    let twin = tenant.post(api, "/warehouses", &body).await;
    checks.problem(
        "a duplicate name is rejected",
        &twin,
        409,
        "inventory.warehouse_name_taken",
    );
    let path = created.header("location").unwrap_or_default().to_owned();
    let change = async |tag: &str| {
        let request = tenant
            .request(api, Method::PATCH, &path)
            .header("if-match", tag);
        Answer::of(
            request
                .json(&json!({ "name": "Tacoma" }))
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    checks.status("the warehouse is renamed", &change("\"1\"").await, 200);
    let stale = change("\"1\"").await;
    checks.problem(
        "a change of an old version is rejected",
        &stale,
        412,
        "request.precondition_failed",
    );
    let listed = tenant.get(api, "/warehouses?limit=2").await;
    checks.that(
        "a page has a cursor for the next one",
        listed.body["nextCursor"].is_string(),
        &listed,
    );
}

async fn products(at: &Installation, tenant: &Tenant, checks: &mut Checks) {
    let api = &at.api;
    let body = json!({ "sku": "LAMP", "name": "Lamp", "prices": [{ "amountMinor": 1500, "currency": "USD" }] });
    let created = tenant.post(api, "/products", &body).await;
    checks.status("a product is created", &created, 201);
    let twin = tenant.post(api, "/products", &body).await;
    checks.problem(
        "a duplicate SKU is rejected",
        &twin,
        409,
        "inventory.sku_taken",
    );
    let path = created.header("location").unwrap_or_default().to_owned();
    let prices = json!({ "prices": [{ "amountMinor": 1600, "currency": "USD" }, { "amountMinor": 1400, "currency": "EUR" }] });
    let request = tenant
        .request(api, Method::PATCH, &path)
        .header("if-match", "\"1\"");
    let changed = Answer::of(request.json(&prices).send().await.unwrap()).await;
    checks.status("the prices are changed", &changed, 200);
    let read = tenant.get(api, &path).await;
    let has_both = read.body["prices"]
        .as_array()
        .is_some_and(|prices| prices.len() == 2);
    checks.that("the product has both prices", has_both, &read);
    let found = tenant.get(api, "/products?sku=LAMP").await;
    let is_one = found.body["items"]
        .as_array()
        .is_some_and(|found| found.len() == 1);
    checks.that("the product is found by its SKU", is_one, &found);
}

async fn stock(at: &Installation, tenant: &Tenant, checks: &mut Checks) {
    let api = &at.api;
    let lines = json!([{ "productId": WIDGET_A, "quantity": 7 }]);
    let body = json!({ "warehouseId": ATLANTA_WAREHOUSE, "lines": lines, "reason": "counted" });
    let key = new_key();
    let received = tenant
        .post_once(api, "/stock-levels/receive", &key, &body)
        .await;
    checks.status("stock is received", &received, 201);
    let again = tenant
        .post_once(api, "/stock-levels/receive", &key, &body)
        .await;
    checks.status("a repeated receipt is replayed", &again, 200);
    let reused = tenant
        .post_once(api, "/stock-levels/adjust", &key, &body)
        .await;
    checks.problem(
        "an idempotency key is rejected for another request",
        &reused,
        422,
        "inventory.idempotency_key_reused",
    );
    let transfer = json!({ "fromWarehouseId": ATLANTA_WAREHOUSE, "toWarehouseId": CHICAGO_WAREHOUSE, "lines": lines });
    let transferred = tenant.post(api, "/stock-levels/transfer", &transfer).await;
    checks.status("stock is transferred", &transferred, 201);
    let trail = format!("/stock-movements?warehouseId={ATLANTA_WAREHOUSE}&productId={WIDGET_A}");
    let trail = tenant.get(api, &trail).await;
    let is_whole = trail.body["items"]
        .as_array()
        .is_some_and(|them| them.len() == 3);
    checks.that("every movement is listed", is_whole, &trail);
    let levels = tenant
        .get(api, &format!("/stock-levels?productId={WIDGET_A}"))
        .await;
    checks.status("levels are listed", &levels, 200);
    let path = format!("/stock-levels/{ATLANTA_WAREHOUSE}/{WIDGET_A}/safety-stock");
    let safety = tenant.get(api, &path).await;
    let tag = safety.header("etag").unwrap_or_default().to_owned();
    let request = tenant
        .request(api, Method::PUT, &path)
        .header("if-match", tag);
    let put = Answer::of(
        request
            .json(&json!({ "quantity": 1 }))
            .send()
            .await
            .unwrap(),
    )
    .await;
    checks.status("a safety stock is set", &put, 200);
}

async fn imports(at: &Installation, tenant: &Tenant, checks: &mut Checks) {
    let api = &at.api;
    let import = async |path: &str, key: &str, text: String| {
        let request = tenant
            .request(api, Method::POST, path)
            .header("idempotency-key", key);
        let request = request.header("content-type", "text/csv").body(text);
        Answer::of(request.send().await.unwrap()).await
    };
    let rows = (0..500).map(|row| format!("IMPORT-{row},Imported,{},USD\n", 100 + row));
    let products = format!(
        "sku,name,amountMinor,currency\n{}",
        rows.collect::<String>()
    );
    let key = new_key();
    let imported = import("/imports/products", &key, products.clone()).await;
    checks.that(
        "500 products are imported",
        imported.body["created"] == 500,
        &imported,
    );
    let again = import("/imports/products", &key, products.clone()).await;
    checks.status("a repeated import is replayed", &again, 200);
    let changed = products.replace(",Imported,", ",Renamed,");
    let changed = import("/imports/products", &new_key(), changed).await;
    checks.that("they are renamed", changed.body["changed"] == 500, &changed);
    let rows = (0..500).map(|row| format!("IMPORT-{row},{CHICAGO_WAREHOUSE},{row}\n"));
    let stock = format!("sku,warehouseId,quantity\n{}", rows.collect::<String>());
    let imported = import("/imports/stock?mode=set", &new_key(), stock).await;
    checks.status("their stock is imported", &imported, 201);
    let stray = format!("sku,warehouseId,quantity\nIMPORT-1,{},1\n", Uuid::new_v4());
    let rejected = import("/imports/stock?mode=set", &new_key(), stray).await;
    checks.that(
        "a wrong row is rejected",
        rejected.body["rejected"] == 1,
        &rejected,
    );
}
