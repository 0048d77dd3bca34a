//! Words stored by a newer version of the program: an older instance shows them unchanged, leaves orders in unknown
//! states alone, and serves everything else.

use serde_json::json;

use crate::documents::every_route::Things;
use crate::giving_back::{all, part};
use crate::keys::TENANT;
use crate::request::{WIDGET_A, new_key, small_order, with};
use crate::routes;
use crate::shop::Shop;

const WORD: &str = "from_tomorrow";

/// The columns in which this version allows only some words.
const WORDS: &str = "SELECT DISTINCT a.attrelid::regclass::text, a.attname::text
    FROM pg_constraint c
    JOIN pg_attribute a ON (a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) OR a.atttypid = c.contypid
    JOIN pg_class r ON r.oid = a.attrelid AND r.relkind = 'r'
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.contype = 'c' AND 'text'::regtype IN (t.oid, t.typbasetype) AND c.connamespace::regnamespace::text IN
          ('orders', 'payments', 'inventory', 'access', 'geocoding')
      AND pg_get_constraintdef(c.oid) ~ ('\\m(VALUE|' || a.attname || ')\\)?(::text)? = ANY \\(+ARRAY\\[')
    ORDER BY 1, 2";

/// The changes that a newer version's migrations would make.
const DROP_CHECKS: &str = "DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT conname, CASE conrelid WHEN 0 THEN format('DOMAIN %s', contypid::regtype)
                                  ELSE format('TABLE %s', conrelid::regclass) END AS place
             FROM pg_constraint
             WHERE contype = 'c' AND connamespace::regnamespace::text IN ('orders', 'payments', 'inventory')
    LOOP EXECUTE format('ALTER %s DROP CONSTRAINT %I', c.place, c.conname); END LOOP;
    END $$";

/// Inserts rows into every table that has such a column.
async fn fill(shop: &Shop) -> Things {
    let things = Things::of(shop).await;
    let partly = shop.paid().await;
    let refunded = shop.refund(&partly, &new_key(), &part(1)).await;
    assert_eq!(refunded.status, 201, "{refunded:?}");
    let cancelled = shop.paid().await;
    assert_eq!(shop.cancel(&cancelled).await.status, 200);
    let rows = format!(
        "INSERT INTO orders.disputes
             (tenant_id, order_id, reference, gateway, state, amount_minor, currency, reason, opened_at)
         VALUES ('{TENANT}', '{partly}', 'dp_1', 'stripe', 'won', 1, 'USD', 'fraudulent', now());
         INSERT INTO orders.dead_letters
             (tenant_id, id, order_id, tries, reason, resolved_at, resolution, resolved_by)
         SELECT '{TENANT}', id, '{partly}', 1, 'x', now(), 'settled_elsewhere', 'operator:ann' FROM gen_random_uuid() id;
         INSERT INTO orders.settlements (tenant_id, dead_letter_id, order_id, gateway_said, detail, settled_at)
         SELECT '{TENANT}', id, '{partly}', 'unknown', 'x', now() FROM orders.dead_letters WHERE order_id = '{partly}';
         INSERT INTO inventory.import_rejections (tenant_id, import_id, line, code, reason)
         SELECT '{TENANT}', id, 1, 'row.malformed', 'x' FROM inventory.imports;
         UPDATE orders.orders SET shipping_address = '{{\"line1\": \"1 Main St\", \"city\": \"Atlanta\", \"planet\": \"Mars\"}}'"
    );
    shop.database.execute(&rows).await;
    things
}

#[tokio::test]
async fn every_route_shows_words_of_a_newer_version_unchanged() {
    let shop = Shop::open().await;
    let things = fill(&shop).await;
    let columns = shop.database.rows(WORDS).await;
    assert!(columns.len() >= 12, "{columns:?}");
    shop.database.execute(DROP_CHECKS).await;
    let free = [
        ("inventory.import_rejections", "code"),
        ("payments.gateway_calls", "operation"),
        ("payments.gateway_calls", "outcome"),
        ("orders.orders", "failure_code"),
    ];
    let restricted = columns.iter().map(|row| (row[0].as_str(), row[1].as_str()));
    for (table, column) in restricted.chain(free) {
        let sql = format!("UPDATE {table} SET {column} = '{WORD}'");
        shop.database.execute(&sql).await;
        for route in routes::ROUTES.iter().filter(|route| route.method == "GET") {
            let path = things.path(route);
            let answer = shop.get(&path).await;
            assert_eq!(answer.status, 200, "{table}.{column}, {path}: {answer:?}");
        }
    }
    for path in [
        "/orders",
        "/operations/findings",
        "/operations/findings?state=all",
        "/operations/dead-letters?state=all",
        "/stock-movements",
    ] {
        let answer = shop.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert!(answer.text.contains(WORD), "{path}: {answer:?}");
    }
    for text in [
        "/imports/{id}",
        "/orders/{id}/refunds",
        "/orders/{id}/timeline",
    ] {
        let route = routes::ROUTES.iter().find(|route| route.path == text);
        let path = things.path(route.unwrap());
        assert_eq!(shop.get(&path).await.status, 200, "{path}");
    }
    assert_eq!(
        shop.get("/operations/dead-letters?state=all").await.status,
        200
    );
}

#[tokio::test]
async fn an_order_in_a_state_of_a_newer_version_is_left_alone() {
    let mut shop = Shop::open().await;
    let key = new_key();
    let placed = shop.place(&key, &small_order()).await;
    placed.assert_created();
    let order_id = placed.order_id();
    shop.database.execute(DROP_CHECKS).await;
    let change = format!(
        "UPDATE orders.orders SET status = '{WORD}';
         INSERT INTO orders.reconciliations (tenant_id, order_id, due_at)
         VALUES ('{TENANT}', '{order_id}', now() - interval '1 minute')"
    );
    shop.database.execute(&change).await;

    let cancelled = shop.cancel(&order_id).await;
    cancelled.assert_problem(409, "orders.not_cancellable");
    assert_eq!(cancelled.body["orderStatus"], WORD, "{cancelled:?}");
    let refunded = shop.refund(&order_id, &new_key(), &all()).await;
    refunded.assert_problem(409, "orders.not_refundable");
    let path = format!("/orders/{order_id}/payment");
    let body = json!({ "creditCardNumber": crate::request::CARD });
    let paid = shop.customer().post_once(&path, &new_key(), &body).await;
    assert_eq!(paid.status, 409, "{paid:?}");
    // This version does not know the outcome of the order.
    shop.place(&key, &small_order()).await.assert_in_progress();
    let other = with(small_order(), "externalReference", json!("7"));
    shop.place_new(&other).await.assert_created();

    shop.restart_sweeping().await;
    shop.database.make_due().await;
    shop.api
        .logged("a newer version of the program has stored a word that this one does not know")
        .await;
    for _ in 0..3 {
        shop.database.pass_an_hour().await;
        shop.database.make_due().await;
        assert_eq!(shop.get("/health/ready").await.status, 200);
    }
    let log = shop.api.log();
    let said = log.iter().filter(|line| line["word"] == WORD).count();
    assert_eq!(said, 1, "each word is logged once");
    assert_eq!(shop.database.status(&order_id).await, WORD);
    assert_eq!(shop.database.dead_letters().await, 0);
    assert_eq!(shop.database.reserved(WIDGET_A).await, 2);
}
