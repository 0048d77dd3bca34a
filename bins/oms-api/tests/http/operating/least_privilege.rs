//! Serving with a role that has only the privileges of `oms-api grants`.

use serde_json::{Value, json};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::workers::{RESTLESS, WORKERS};
use crate::answer::Answer;
use crate::api::{Settings, command};
use crate::eventually::{eventually, until};
use crate::process::{Exit, Process};
use crate::request::{CARD, CUSTOMER, DECLINED_CARD, WIDGET_A, new_key, small_order, with};
use crate::shop::Shop;
use crate::stock::{ATLANTA_WAREHOUSE, CHICAGO_WAREHOUSE};
use crate::store_database::StoreDatabase;

const PASSWORD: &str = "hunter2";

/// Settings under which every configurable statement runs.
const EVERYTHING: Settings<'_> = &[
    ("OMS_SWEEP_AFTER_MS", "60000"),
    ("OMS_RETENTION_KEYS_DAYS", "1"),
    ("OMS_RETENTION_ADDRESSES_DAYS", "1"),
    ("OMS_DECLINE_POLICY", "hold"),
    ("OMS_MAX_UNPAID_ORDERS_PER_CUSTOMER", "50"),
    ("OMS_MAX_UNPAID_UNITS_PER_CUSTOMER", "5000"),
    ("OMS_MAX_UNPAID_ORDERS_PER_TENANT", "500"),
    ("OMS_MAX_UNPAID_UNITS_PER_TENANT", "50000"),
    ("OMS_MAX_DECLINES_PER_CUSTOMER", "50"),
    ("OMS_MAX_DECLINES_PER_CREDENTIAL", "50"),
];

/// A database with an owner role and a serving role.
pub struct Roles {
    pub database: StoreDatabase,
    pub owner: String,
    pub server: String,
}

impl Roles {
    /// The database is migrated by the owner, which is not a superuser. The other role has no privileges yet.
    pub async fn create() -> Self {
        let database = StoreDatabase::create_empty().await;
        let id = Uuid::new_v4().simple();
        let (owner, server) = (format!("oms_owner_{id}"), format!("oms_server_{id}"));
        let name = database.name();
        let made = format!(
            "CREATE ROLE {owner} LOGIN PASSWORD '{PASSWORD}';
             CREATE ROLE {server} LOGIN PASSWORD '{PASSWORD}';
             CREATE EXTENSION postgis;
             ALTER DATABASE {name} OWNER TO {owner};
             GRANT CREATE ON SCHEMA public TO {owner}"
        );
        database.execute(&made).await;
        let roles = Self {
            database,
            owner,
            server,
        };
        let migrated = run(&roles.url_of_owner(), &["migrate"]).await;
        assert!(migrated.status.success(), "{migrated:?}");
        roles
    }

    pub fn url_of_owner(&self) -> String {
        self.database.url_as(&self.owner, PASSWORD)
    }

    pub fn url_of_server(&self) -> String {
        self.database.url_as(&self.server, PASSWORD)
    }

    /// Grants the role more than it needs.
    async fn grant_everything(&self) {
        let owner = connect(&self.url_of_owner()).await;
        let schemas = "access, geocoding, installation, inventory, orders, payments";
        let server = &self.server;
        let wide = format!(
            "GRANT ALL ON ALL TABLES IN SCHEMA {schemas} TO {server};
             GRANT UPDATE (total_minor) ON orders.orders TO {server};
             GRANT ALL ON SCHEMA {schemas}, public TO {server};
             GRANT ALL ON public.__diesel_schema_migrations TO {server}"
        );
        owner.batch_execute(&wide).await.unwrap();
    }

    /// Grants the role its privileges, as an operator does.
    pub async fn grant(&self) {
        let printed = run("postgres://nowhere/oms", &["grants", &self.server]).await;
        assert!(printed.status.success(), "{printed:?}");
        let owner = connect(&self.url_of_owner()).await;
        owner.batch_execute(&printed.stdout).await.unwrap();
    }
}

/// Roles are not dropped with their databases.
pub async fn drop_roles(database: &StoreDatabase, roles: [&str; 2]) {
    for role in roles {
        database
            .execute(&format!(
                "REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}"
            ))
            .await;
    }
}

async fn run(database_url: &str, words: &[&str]) -> Exit {
    let mut command = command(database_url, "http://127.0.0.1:1", &[]);
    command.args(words);
    Process::start(command).ended().await
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn post(shop: &Shop, path: &str, body: &Value) -> Answer {
    let request = shop.customer().post(path);
    let request = request.header("idempotency-key", new_key()).json(body);
    Answer::of(request.send().await.unwrap()).await
}

async fn assert_done(shop: &Shop, path: &str, body: &Value) -> Answer {
    let answer = post(shop, path, body).await;
    assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
    answer
}

/// Uses most functions of the API.
async fn use_everything(shop: &Shop) {
    let [first, second, third] = [(); 3].map(|()| small_order());
    let orders = [
        shop.place_new(&first).await.order_id(),
        shop.place_new(&second).await.order_id(),
        shop.place_new(&third).await.order_id(),
    ];
    let declined = with(small_order(), "creditCardNumber", json!(DECLINED_CARD));
    let declined = shop.place_new(&declined).await;
    declined.assert_problem(402, "orders.payment_declined");
    let declines = "SELECT count(*) FROM orders.declines";
    assert_eq!(shop.database.number(declines).await, 1);
    let path = format!("/orders/{}/payment", declined.order_id());
    let paid = assert_done(shop, &path, &json!({ "creditCardNumber": CARD })).await;
    assert_eq!(paid.body["status"], "PAID", "{paid:?}");
    let part = json!({ "amount": { "amountMinor": 300, "currency": "USD" } });
    assert_done(shop, &format!("/orders/{}/refunds", orders[0]), &part).await;
    assert_done(shop, &format!("/orders/{}/refunds", orders[1]), &json!({})).await;
    assert_done(shop, &format!("/orders/{}/cancel", orders[2]), &json!({})).await;
    let down = json!({ "type": "error_before", "status": 500 });
    shop.sandbox.once("confirm", down).await;
    let pending = shop.place_new(&small_order()).await.order_id();
    let letter = json!({ "orderId": pending, "reason": "x" });
    let letter = assert_done(shop, "/operations/dead-letters", &letter).await;
    let letter = letter.body["id"].as_str().unwrap().to_owned();
    let settled = json!({ "as": "settled_elsewhere", "reason": "x", "confirmed": true });
    assert_done(
        shop,
        &format!("/operations/dead-letters/{letter}/resolve"),
        &settled,
    )
    .await;

    let line = json!({ "productId": WIDGET_A, "quantity": 2 });
    let lines = json!({ "warehouseId": ATLANTA_WAREHOUSE, "lines": [line], "reason": "x" });
    assert_done(shop, "/stock-levels/receive", &lines).await;
    assert_done(shop, "/stock-levels/adjust", &lines).await;
    assert_done(shop, "/stock-levels/quarantine", &lines).await;
    let one = json!({ "productId": WIDGET_A, "quantity": 1 });
    let lines = json!({ "warehouseId": ATLANTA_WAREHOUSE, "lines": [one], "reason": "x" });
    assert_done(shop, "/stock-levels/quarantine/release", &lines).await;
    assert_done(shop, "/stock-levels/quarantine/write-off", &lines).await;
    let transfer = json!({
        "fromWarehouseId": ATLANTA_WAREHOUSE, "toWarehouseId": CHICAGO_WAREHOUSE, "lines": [line]
    });
    assert_done(shop, "/stock-levels/transfer", &transfer).await;
    let warehouse = json!({ "name": "Seattle", "location": { "lat": 47.6, "lng": -122.3 } });
    assert_done(shop, "/warehouses", &warehouse).await;
    let product = json!({ "sku": "LAMP", "name": "Lamp", "prices": [{ "amountMinor": 100, "currency": "USD" }] });
    let product = assert_done(shop, "/products", &product).await;
    let id = product.body["id"].as_str().unwrap();
    let change = json!({ "prices": [{ "amountMinor": 200, "currency": "USD" }] });
    let request = shop
        .customer()
        .request(reqwest::Method::PATCH, &format!("/products/{id}"));
    let changed = request
        .header("if-match", "*")
        .json(&change)
        .send()
        .await
        .unwrap();
    assert_eq!(changed.status(), 200);
    import(
        shop,
        "products",
        "sku,name,amountMinor,currency\nIMP,Imported,100,USD\n",
    )
    .await;
    import(
        shop,
        "stock?allOrNothing=true",
        &format!("sku,warehouseId,quantity\nIMP,{ATLANTA_WAREHOUSE},3\n"),
    )
    .await;
    let preview = json!({ "shippingAddress": small_order()["shippingAddress"], "items": [line] });
    assert_done(shop, "/routing/preview", &preview).await;
    let erase = json!({ "includeRecentlyPaid": true });
    assert_done(shop, &format!("/customers/{CUSTOMER}/erase"), &erase).await;
    let placed = shop.place_new(&small_order()).await;
    let work = shop.fulfilment_order_of(&placed.order_id()).await;
    for (action, body) in [
        ("move", json!({ "reason": "it is nearer" })),
        (
            "reject",
            json!({ "reason": "not_found", "stock": "write_off_all" }),
        ),
    ] {
        assert_done(shop, &format!("/fulfilment-orders/{work}/{action}"), &body).await;
    }
    let path = format!("/warehouses/{ATLANTA_WAREHOUSE}/evacuate");
    let evacuation = assert_done(shop, &path, &json!({ "reason": "a flood" })).await;
    let id = evacuation.body["id"].as_str().unwrap();
    for action in ["stop", "resume"] {
        assert_done(shop, &format!("/evacuations/{id}/{action}"), &json!({})).await;
    }
}

/// When each worker completed its latest turn.
async fn last_turns(shop: &Shop) -> Vec<f64> {
    let metrics = shop.metrics().await;
    let last_turn = |worker| {
        let series = format!("oms_worker_last_turn_timestamp_seconds{{worker=\"{worker}\"}} ");
        let mut lines = metrics.lines();
        let turn = lines.find_map(|line| line.strip_prefix(series.as_str()));
        turn.unwrap().parse().unwrap()
    };
    WORKERS.map(last_turn).to_vec()
}

async fn import(shop: &Shop, what: &str, csv: &str) {
    let request = shop.customer().post(&format!("/imports/{what}"));
    let request = request.header("idempotency-key", new_key());
    let request = request
        .header("content-type", "text/csv")
        .body(csv.to_owned());
    let answer = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// Statements that no bug and no stolen password may execute.
const FORBIDDEN: [&str; 26] = [
    "DROP TABLE orders.orders",
    "DROP SCHEMA orders CASCADE",
    "TRUNCATE orders.events",
    "TRUNCATE inventory.stock_movements",
    "ALTER TABLE orders.orders DROP COLUMN total_minor",
    "ALTER TABLE orders.events DISABLE TRIGGER ALL",
    "UPDATE orders.events SET reason = 'x'",
    "DELETE FROM orders.events",
    "UPDATE inventory.stock_movements SET quantity = 1",
    "DELETE FROM inventory.stock_movements",
    "UPDATE payments.gateway_calls SET outcome = 'x'",
    "DELETE FROM payments.gateway_calls",
    "UPDATE orders.orders SET total_minor = 1",
    "DELETE FROM orders.orders",
    "UPDATE orders.lines SET quantity = 1",
    "DELETE FROM payments.refunds",
    "UPDATE access.api_keys SET revoked_at = NULL",
    "INSERT INTO access.api_keys SELECT * FROM access.api_keys",
    "CREATE TABLE orders.mine (a int)",
    "CREATE TABLE public.mine (a int)",
    "CREATE VIEW payments.mine AS SELECT 1",
    "DELETE FROM public.__diesel_schema_migrations",
    "INSERT INTO public.__diesel_schema_migrations VALUES ('1')",
    "DELETE FROM orders.erasures",
    "DELETE FROM fulfilment.moves",
    "UPDATE fulfilment.moves SET lines = '{}'",
];

#[tokio::test]
async fn a_role_with_the_printed_privileges_can_serve_and_do_no_harm() {
    let roles = Roles::create().await;
    // The printed statements replace all earlier privileges.
    roles.grant_everything().await;
    roles.grant().await;
    let (url, owner, server) = (
        roles.url_of_server(),
        roles.owner.clone(),
        roles.server.clone(),
    );
    let settings = [RESTLESS, EVERYTHING].concat();
    let mut shop = Shop::open_as(roles.database, &url, &settings).await;
    use_everything(&shop).await;
    // A turn that ends later may have begun before everything was used; the one after it has not.
    for _ in 0..2 {
        let before = last_turns(&shop).await;
        until("every worker has completed a turn", async || {
            let turns = last_turns(&shop).await;
            turns
                .iter()
                .zip(&before)
                .all(|(turn, before)| turn > before)
        })
        .await;
    }
    let compared = "SELECT count(*) FROM orders.reconciliation_progress";
    assert!(shop.database.number(compared).await > 0);
    let denied = "oms_database_failures_total{reason=\"permission_denied\"}";
    assert_eq!(shop.metric(denied).await.as_deref(), Some("0"));
    shop.assert_consistent().await;

    let client = connect(&url).await;
    for statement in FORBIDDEN {
        let refused = client.batch_execute(statement).await.unwrap_err();
        let code = refused.code().cloned();
        assert_eq!(
            code,
            Some(SqlState::INSUFFICIENT_PRIVILEGE),
            "{statement}: {refused:?}"
        );
    }
    drop(client);
    shop.api.process.terminate();
    let ended = shop.api.process.ended().await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(!ended.stdout.contains("permission denied"), "{ended:?}");
    drop_roles(&shop.database, [&server, &owner]).await;
}

#[tokio::test]
async fn a_role_without_its_privileges_is_refused_at_start_with_the_missing_ones() {
    let roles = Roles::create().await;
    let url = roles.url_of_server();
    let bare = run(&url, &["serve"]).await;
    assert_eq!(bare.status.code(), Some(1), "{bare:?}");
    assert!(bare.stderr.contains("permission denied"), "{bare:?}");
    assert!(bare.stderr.contains("oms-api grants"), "{bare:?}");

    roles.grant().await;
    for (revoke, missing) in [
        ("INSERT ON orders.events", "INSERT on orders.events"),
        (
            "UPDATE (erased_at) ON orders.orders",
            "UPDATE (erased_at) on orders.orders",
        ),
        ("USAGE ON SCHEMA payments", "USAGE on schema payments"),
    ] {
        let owner = connect(&roles.url_of_owner()).await;
        let statement = format!("REVOKE {revoke} FROM {}", roles.server);
        owner.batch_execute(&statement).await.unwrap();
        let refused = run(&url, &["serve"]).await;
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let expected = format!("lacks privileges: {missing}; `oms-api grants ROLE` prints");
        assert!(refused.stderr.contains(&expected), "{refused:?}");
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
        roles.grant().await;
    }
    let create = ["keys", "create", "--name", "till", "--scope", "orders:read"];
    let refused = run(&url, &create).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let expected = "only the role that owns the tables can change keys";
    assert!(refused.stderr.contains(expected), "{refused:?}");
    let created = run(&roles.url_of_owner(), &create).await;
    assert!(created.status.success(), "{created:?}");
    drop_roles(&roles.database, [&roles.server, &roles.owner]).await;
}

#[tokio::test]
async fn a_privilege_revoked_while_serving_is_a_503_and_a_logged_error() {
    let roles = Roles::create().await;
    roles.grant().await;
    let (url, owner, server) = (
        roles.url_of_server(),
        roles.owner.clone(),
        roles.server.clone(),
    );
    let owner_url = roles.url_of_owner();
    let mut shop = Shop::open_as(roles.database, &url, &[]).await;
    let as_owner = connect(&owner_url).await;
    let change = async |statement: &str| as_owner.batch_execute(statement).await.unwrap();
    let key = new_key();
    for (table, privilege) in [("events", "INSERT"), ("orders", "SELECT")] {
        change(&format!(
            "REVOKE {privilege} ON orders.{table} FROM {server}"
        ))
        .await;
        let refused = shop.place(&key, &small_order()).await;
        assert_eq!(refused.status, 503, "{refused:?}");
        assert_eq!(refused.code(), "service.database_denied");
        assert_eq!(refused.body["retryable"], false, "{refused:?}");
        assert!(!refused.text.contains("orders."), "{refused:?}");
        change(&format!("GRANT {privilege} ON orders.{table} TO {server}")).await;
    }
    let errors = eventually("both failures are logged", async || {
        let mut errors = shop.api.log();
        errors.retain(|line| line["level"] == "ERROR");
        (errors.len() >= 2).then_some(errors)
    })
    .await;
    assert_eq!(errors.len(), 2, "{errors:?}");
    for (line, table) in errors.iter().zip(["events", "orders"]) {
        let cause = line["cause"].as_str().unwrap();
        assert!(
            cause.contains(&format!("permission denied for table {table}")),
            "{cause}"
        );
    }
    shop.place(&key, &small_order()).await.assert_created();
    let denied = "oms_database_failures_total{reason=\"permission_denied\"}";
    assert_ne!(shop.metric(denied).await.as_deref(), Some("0"));
    shop.api.process.terminate();
    shop.api.process.ended().await;
    drop(as_owner);
    drop_roles(&shop.database, [&server, &owner]).await;
}
