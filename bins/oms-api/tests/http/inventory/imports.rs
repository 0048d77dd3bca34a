//! Imports over HTTP.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::eventually::until;
use crate::keys::make_key;
use crate::raw::{RawConnection, head, status};
use crate::request::{WIDGET_A, new_key};
use crate::shop::{Customer, Shop};
use crate::stock::{ATLANTA_WAREHOUSE, CHICAGO_WAREHOUSE};

const CSV: &str = "text/csv";
const PRODUCTS: &str = "/imports/products";
const STOCK: &str = "/imports/stock";

async fn send(customer: &Customer, path: &str, media_type: &str, key: &str, text: &str) -> Answer {
    let request = customer.post(path).header("idempotency-key", key);
    let request = request.header("content-type", media_type);
    Answer::of(request.body(text.to_owned()).send().await.unwrap()).await
}

impl Shop {
    async fn import(&self, path: &str, media_type: &str, key: &str, text: &str) -> Answer {
        send(&self.customer(), path, media_type, key, text).await
    }

    /// All rows that an import could change.
    async fn inventory(&self) -> Vec<Vec<String>> {
        let mut rows = self.database.levels().await;
        for table in [
            "products",
            "prices",
            "stock_movements",
            "imports",
            "idempotency_keys",
        ] {
            let sql = format!("SELECT * FROM inventory.{table} ORDER BY 1, 2, 3");
            rows.extend(self.database.rows(&sql).await);
        }
        rows
    }
}

fn stock(rows: &[(&str, &str, i64)]) -> String {
    let row =
        |(sku, warehouse, quantity): &(&str, &str, i64)| format!("{sku},{warehouse},{quantity}\n");
    let rows: String = rows.iter().map(row).collect();
    format!("sku,warehouseId,quantity\n{rows}")
}

#[tokio::test]
async fn products_and_their_stock_are_imported_once_and_then_sold() {
    let shop = Shop::open().await;
    let lamps =
        "sku,name,amountMinor,currency\nLAMP-1,\"Lamp, small\",1500,USD\nLAMP-2,Lamp,2500,USD\n";
    let key = new_key();
    let created = shop.import(PRODUCTS, CSV, &key, lamps).await;
    assert_eq!(created.status, 201, "{created:?}");
    for (member, value) in [
        ("kind", json!("products")),
        ("created", json!(2)),
        ("accepted", json!(2)),
        ("rejected", json!(0)),
        ("rejections", json!([])),
        ("linesDone", json!(3)),
    ] {
        assert_eq!(created.body[member], value, "{created:?}");
    }
    let report = shop.get(created.header("location").unwrap()).await;
    assert_eq!((report.status, &report.body), (200, &created.body));
    let again = shop.import(PRODUCTS, CSV, &key, lamps).await;
    assert_eq!((again.status, &again.body), (200, &created.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.header("location"), created.header("location"));
    let other = shop
        .import(PRODUCTS, CSV, &key, &format!("{lamps}\n"))
        .await;
    other.assert_problem(422, "inventory.idempotency_key_reused");

    let lines = format!(
        "{{\"sku\":\"LAMP-1\",\"warehouseId\":\"{ATLANTA_WAREHOUSE}\",\"quantity\":3}}\n\
         {{\"sku\":\"LAMP-2\",\"warehouseId\":\"{CHICAGO_WAREHOUSE}\",\"quantity\":4}}\n"
    );
    let path = format!("{STOCK}?mode=receive&reason=container%2042");
    for media_type in ["application/x-ndjson", "application/jsonl; charset=utf-8"] {
        let received = shop.import(&path, media_type, &new_key(), &lines).await;
        assert_eq!(
            (received.status, &received.body["changed"]),
            (201, &json!(2))
        );
        assert_eq!(received.body.get("created"), None);
        let id = received.body["id"].as_str().unwrap();
        let trail = shop.pages("/stock-movements?kind=receipt", 2).await;
        let of_import = trail.iter().filter(|movement| movement["changeId"] == id);
        let of_import: Vec<&Value> = of_import.collect();
        assert_eq!(of_import.len(), 2);
        assert!(
            of_import
                .iter()
                .all(|movement| movement["reason"] == "container 42")
        );
    }
    let levels = shop.pages("/stock-levels?sku=LAMP-1", 1).await;
    assert_eq!(levels[0]["onHand"], 6);
    let lamp = levels[0]["productId"].as_str().unwrap();
    let order = crate::request::order(crate::request::ATLANTA, &[(lamp, 6)]);
    let placed = shop.place_new(&order).await;
    placed.assert_created();
    assert_eq!(
        placed.body["total"],
        json!({ "amountMinor": 9000, "currency": "USD" })
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn the_report_of_an_import_names_the_line_of_each_rejected_row() {
    let shop = Shop::open().await;
    let file = stock(&[
        ("WIDGET-A", ATLANTA_WAREHOUSE, 7),
        ("NOTHING", ATLANTA_WAREHOUSE, 7),
        ("WIDGET-A", "99999999-9999-4999-8999-999999999999", 7),
        ("WIDGET-A", CHICAGO_WAREHOUSE, -1),
        ("WIDGET-A", ATLANTA_WAREHOUSE, 8),
    ]);
    let codes = [
        (3, "row.unknown_product"),
        (4, "row.unknown_warehouse"),
        (5, "row.invalid_quantity"),
        (6, "row.duplicate"),
    ];
    let named = |answer: &Answer| {
        let rejections = answer.body["rejections"].as_array().unwrap();
        let named = rejections.iter().map(|rejection| {
            assert!(!rejection["reason"].as_str().unwrap().is_empty());
            (
                rejection["line"].as_i64().unwrap(),
                rejection["code"].as_str().unwrap().to_owned(),
            )
        });
        named.collect::<Vec<_>>()
    };
    let expected = codes.map(|(line, code)| (line, code.to_owned()));

    let before = shop.inventory().await;
    let key = new_key();
    let strict = format!("{STOCK}?allOrNothing=true");
    let refused = shop.import(&strict, CSV, &key, &file).await;
    refused.assert_problem(422, "inventory.import_rejected");
    assert_eq!(refused.body["rejected"], 4);
    assert_eq!(named(&refused), expected);
    assert_eq!(shop.inventory().await, before);

    // A rejected request does not use up its key.
    let taken = shop.import(STOCK, CSV, &key, &file).await;
    assert_eq!(taken.status, 201, "{taken:?}");
    assert_eq!(
        (&taken.body["changed"], &taken.body["rejected"]),
        (&json!(1), &json!(4))
    );
    assert_eq!(named(&taken), expected);
    let read = shop.get(taken.header("location").unwrap()).await;
    assert_eq!(read.body, taken.body);
    let stock = shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await;
    assert_eq!(stock.on_hand, 7);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn the_error_of_an_invalid_request_is_reported_and_nothing_is_kept() {
    let shop = Shop::open_with(&[("OMS_IMPORT_MAX_BYTES", "300000")]).await;
    let before = shop.inventory().await;
    let good = stock(&[("WIDGET-A", ATLANTA_WAREHOUSE, 7)]);
    let too_many_lines = "\n".repeat(250_001);
    let too_large = "x".repeat(300_001);
    for (path, media_type, text, code, expected) in [
        (
            STOCK,
            "application/json",
            &*good,
            415,
            "request.unsupported_media_type",
        ),
        (
            STOCK,
            "text/csv; charset=latin1",
            &good,
            415,
            "request.unsupported_media_type",
        ),
        (STOCK, CSV, "", 400, "inventory.import_empty"),
        (
            STOCK,
            CSV,
            "sku,warehouseId,quantity\n",
            400,
            "inventory.import_empty",
        ),
        (PRODUCTS, CSV, &good, 400, "inventory.import_header"),
        (
            STOCK,
            CSV,
            &too_many_lines,
            413,
            "inventory.import_too_long",
        ),
        (STOCK, CSV, &too_large, 413, "request.too_large"),
        (
            STOCK,
            "application/jsonl",
            &too_large,
            413,
            "request.too_large",
        ),
    ] {
        let refused = shop.import(path, media_type, &new_key(), text).await;
        refused.assert_problem(code, expected);
    }
    for (query, field) in [
        ("allOrNothing=maybe", "allOrNothing"),
        ("mode=add", "mode"),
        ("reason=%00", "reason"),
        ("dryRun=true", "dryRun"),
    ] {
        let path = format!("{STOCK}?{query}");
        let refused = shop.import(&path, CSV, &new_key(), &good).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field]);
    }
    for path in [STOCK, PRODUCTS] {
        let keyless = shop.customer().post(path).header("content-type", CSV);
        let keyless = Answer::of(keyless.body(good.clone()).send().await.unwrap()).await;
        keyless.assert_problem(400, "request.invalid_header");
    }
    for id in ["x", "99999999-9999-4999-8999-999999999999"] {
        let missing = shop.get(&format!("/imports/{id}")).await;
        missing.assert_problem(404, "inventory.import_not_found");
    }
    assert_eq!(shop.inventory().await, before);
}

#[tokio::test]
async fn another_tenant_sees_neither_the_report_nor_the_imported_data() {
    let shop = Shop::open().await;
    let other_store = ("OMS_TENANT_ID", "00000000-0000-4000-8000-000000000002");
    let api = shop.another_api(&[other_store]).await;
    let stranger = shop.customer_of(&api);
    let (key, file) = (new_key(), stock(&[("WIDGET-A", ATLANTA_WAREHOUSE, 7)]));
    let ours = shop.import(STOCK, CSV, &key, &file).await;
    assert_eq!((ours.status, &ours.body["changed"]), (201, &json!(1)));
    let hidden = stranger.get(ours.header("location").unwrap()).await;
    hidden.assert_problem(404, "inventory.import_not_found");
    let theirs = send(&stranger, STOCK, CSV, &key, &file).await;
    assert_eq!((theirs.status, &theirs.body["rejected"]), (201, &json!(1)));
    assert_eq!(theirs.body["rejections"][0]["code"], "row.unknown_product");
}

#[tokio::test]
async fn a_body_beyond_the_general_limit_is_imported_and_a_slow_one_is_refused() {
    let shop = Shop::open_with(&[("OMS_IMPORT_BODY_TIMEOUT_MS", "2000")]).await;
    let rows: String = (0..5_000)
        .map(|n| format!("BULK-{n},Bulk product number {n},{},USD\n", n + 1))
        .collect();
    let file = format!("sku,name,amountMinor,currency\n{rows}");
    assert!(file.len() > 150_000);
    let imported = shop.import(PRODUCTS, CSV, &new_key(), &file).await;
    assert_eq!(
        (imported.status, &imported.body["created"]),
        (201, &json!(5_000))
    );

    let mut slow = slow_import(&shop, 1_000).await;
    let answer = slow.answer().await;
    assert_eq!(status(&answer), 408, "{answer}");
}

#[tokio::test]
async fn files_of_spreadsheets_with_multi_line_cells_are_read() {
    let shop = Shop::open().await;
    let file = "\u{FEFF}sku,amountMinor,currency,name\r\n\
                LAMP-1,1500,USD,\"Lamp, \"\"small\"\"\"\r\n\
                LAMP-2,1500,USD,\"Lamp,\r\nlarge\"\r\n\
                LAMP-3,1500,USD,Lamp";
    let report = shop.import(PRODUCTS, CSV, &new_key(), file).await;
    assert_eq!((report.status, &report.body["created"]), (201, &json!(2)));
    let rejection = &report.body["rejections"][0];
    let found = (&rejection["line"], &rejection["code"]);
    assert_eq!(found, (&json!(3), &json!("row.invalid_name")));
    let lamp = shop.pages("/products?sku=LAMP-1", 1).await;
    assert_eq!(lamp[0]["name"], "Lamp, \"small\"");
}

#[tokio::test]
async fn an_interrupted_upload_imports_nothing_and_releases_its_key_and_place() {
    let shop = Shop::open_with(&[("OMS_IMPORTS_AT_A_TIME", "1")]).await;
    let before = shop.inventory().await;
    let (key, file) = (new_key(), stock(&[("WIDGET-A", ATLANTA_WAREHOUSE, 7)]));
    // The received text ends after a complete row. Only the length shows that more was expected.
    let framing = format!("content-length: {}", file.len() + 100);
    let request = head(&key, &framing).replace("/orders", STOCK);
    for _ in 0..3 {
        let mut cut_off = RawConnection::open(&shop.api.url).await;
        let whole_head = request.replace("application/json", CSV);
        cut_off.send(whole_head.as_bytes()).await;
        cut_off.send(file.as_bytes()).await;
        cut_off.reset();
    }
    assert_eq!(shop.inventory().await, before);
    until("the place is free again", async || {
        let imported = shop.import(STOCK, CSV, &key, &file).await;
        imported.status == 201
    })
    .await;
    shop.assert_consistent().await;
}

#[tokio::test]
async fn quoted_text_is_never_imported_as_a_separate_row() {
    let shop = Shop::open().await;
    let file = "sku,name,amountMinor,currency\nNL-1,\"Lamp\nNL-EVIL,Smuggled,1,USD\n\",1000,USD\nNL-2,Lamp,65.00,USD\n";
    let report = shop.import(PRODUCTS, CSV, &new_key(), file).await;
    assert_eq!((report.status, &report.body["accepted"]), (201, &json!(0)));
    let rejections = &report.body["rejections"];
    assert_eq!(rejections[0]["line"], 2);
    assert_eq!(rejections[1]["line"], 5);
    let reason = rejections[1]["reason"].as_str().unwrap();
    assert!(reason.contains("whole number of minor units"), "{reason}");
    let smuggled = shop.get("/products?sku=NL-EVIL").await;
    assert_eq!(smuggled.body["items"], json!([]));
}

#[tokio::test]
async fn the_error_of_a_compressed_file_or_a_workbook_names_its_format() {
    let shop = Shop::open().await;
    for (bytes, name) in [
        (&b"\x1F\x8B\x08\0\0\0\0\0"[..], "gzip"),
        (b"\xFF\xFEs\0k\0u\0", "UTF-16"),
        (b"PK\x03\x04\x14\0", "workbook"),
    ] {
        let request = shop.customer().post(PRODUCTS).header("content-type", CSV);
        let request = request.header("idempotency-key", new_key());
        let refused = Answer::of(request.body(bytes.to_vec()).send().await.unwrap()).await;
        refused.assert_problem(400, "inventory.import_encoding");
        assert!(refused.body["detail"].as_str().unwrap().contains(name));
    }
}

#[tokio::test]
async fn slow_uploads_block_neither_other_tenants_nor_finished_uploads() {
    let settings = [
        ("OMS_IMPORTS_AT_A_TIME", "1"),
        ("OMS_IMPORT_FILES", "8"),
        ("OMS_IMPORT_MIN_BYTES_PER_S", "0"),
    ];
    let shop = Shop::open_with(&settings).await;
    let file = stock(&[("WIDGET-A", ATLANTA_WAREHOUSE, 7)]);
    let mut slow = slow_import(&shop, file.len()).await;
    // The slow upload does not occupy an import place.
    let own = shop.import(STOCK, CSV, &new_key(), &file).await;
    assert_eq!(own.status, 201, "{own:?}");

    // A tenant's share is a quarter of the files, so one of three uploads is refused: the one that the server reads last.
    let mut one = slow_import(&shop, file.len()).await;
    let mut other = slow_import(&shop, file.len()).await;
    let (refusal, mut accepted, waiting) = tokio::select! {
        refusal = slow.answer() => (refusal, one, other),
        refusal = one.answer() => (refusal, other, slow),
        refusal = other.answer() => (refusal, one, slow),
    };
    assert_eq!(status(&refusal), 503);
    assert!(refusal.contains("inventory.imports_busy"), "{refusal}");

    let stranger = "00000000-0000-4000-8000-000000000002";
    let key = make_key(&shop.database, stranger, "importer", "inventory:write").await;
    let theirs = shop.customer().post(STOCK).bearer_auth(key);
    let theirs = theirs
        .header("idempotency-key", new_key())
        .header("content-type", CSV);
    let theirs = Answer::of(theirs.body(file.clone()).send().await.unwrap()).await;
    assert_eq!(theirs.status, 201, "{theirs:?}");

    accepted.send(file.as_bytes()).await;
    assert_eq!(status(&accepted.answer().await), 201);
    waiting.reset();
    until(
        "the places of uploads that ended are free again",
        async || {
            let answer = shop.import(STOCK, CSV, &new_key(), &file).await;
            answer.status == 201
        },
    )
    .await;
}

/// An import of which only the head is sent.
async fn slow_import(shop: &Shop, length: usize) -> RawConnection {
    let request = head(&new_key(), &format!("content-length: {length}"));
    let request = request
        .replace("/orders", STOCK)
        .replace("application/json", CSV);
    let mut connection = RawConnection::open(&shop.api.url).await;
    connection.send(request.as_bytes()).await;
    connection
}
