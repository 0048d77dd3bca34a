//! Two installations that share one gateway account: neither moves money of orders that are not in its own database.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Api, command};
use crate::eventually::until;
use crate::giving_back::all;
use crate::invariants::assert_invariants;
use crate::process::{Exit, Process};
use crate::reporting::SECRET;
use crate::request::{new_key, small_order, with};
use crate::shop::{Customer, Shop, seed_as};
use crate::store_database::StoreDatabase;

const TENANT: &str = "00000000-0000-4000-8000-000000000001";
const OTHER_TENANT: &str = "00000000-0000-4000-8000-000000000002";

/// All background work, at short intervals. The test decides what is due.
const WORKING: [(&str, &str); 5] = [
    ("OMS_SWEEP_INTERVAL_MS", "100"),
    ("OMS_GATEWAY_EVENTS_INTERVAL_MS", "100"),
    ("OMS_RECONCILE_INTERVAL_MS", "150"),
    ("OMS_SWEEP_AFTER_MS", "60000"),
    ("OMS_STRIPE_WEBHOOK_SECRETS", SECRET),
];
/// A card that requires authentication by the customer.
const AUTHENTICATING_CARD: &str = "4000002760003184";
/// The findings and their actions.
const FINDINGS: &str = "SELECT kind || ' ' || action FROM orders.findings ORDER BY found_at, id";

/// A second installation beside the shop's own.
struct Second {
    database: StoreDatabase,
    api: Api,
    tenant: &'static str,
}

impl Second {
    async fn start(shop: &Shop, database: StoreDatabase, tenant: &'static str) -> Self {
        seed_as(&database, tenant).await;
        let api = start(&database, &shop.sandbox.url, tenant).await;
        Self {
            database,
            api,
            tenant,
        }
    }

    /// Runs `oms-api installation …`.
    async fn decide(&self, command: &str) -> Exit {
        installation(&self.database, command).await
    }

    /// The number of gateway calls about payments that were not reads.
    async fn moves_of(&self, order_ids: &[String]) -> i64 {
        moves_of(&self.database, order_ids).await
    }
}

async fn start(database: &StoreDatabase, gateway_url: &str, tenant: &str) -> Api {
    let mut settings = WORKING.to_vec();
    settings.push(("OMS_TENANT_ID", tenant));
    Api::start(command(&database.url(), gateway_url, &settings)).await
}

async fn installation(database: &StoreDatabase, subcommand: &str) -> Exit {
    let mut command = command(&database.url(), "http://127.0.0.1:1", &[]);
    command.args(["installation", subcommand]);
    Process::start(command).ended().await
}

async fn moves_of(database: &StoreDatabase, order_ids: &[String]) -> i64 {
    let ids = order_ids.join("', '");
    let sql = format!(
        "SELECT count(*) FROM payments.gateway_calls
         WHERE order_id IN ('{ids}') AND operation NOT IN ('lookup', 'find_refund')"
    );
    database.number(&sql).await
}

/// Makes this many minutes pass for everything that is due by time.
async fn pass(database: &StoreDatabase, minutes: u32) {
    let back = format!("- interval '{minutes} minutes'");
    let sql = format!(
        "UPDATE orders.orders SET created_at = created_at {back};
         UPDATE orders.reconciliations SET due_at = due_at {back};
         UPDATE orders.findings SET due_at = due_at {back};
         UPDATE events.sinks SET due_at = due_at {back};
         UPDATE payments.gateway_events SET due_at = due_at {back} WHERE applied_at IS NULL;
         UPDATE orders.reconciliation_progress SET due_at = due_at {back}"
    );
    database.execute(&sql).await;
}

/// Waits until the workers of an installation have processed everything that is due now, and have compared charges
/// twice.
async fn at_rest(database: &StoreDatabase) {
    let turns = "SELECT coalesce(min(claims), 0) FROM orders.reconciliation_progress";
    let turns_before = database.number(turns).await;
    until("the charges are compared", async || {
        database.number(turns).await >= turns_before + 2
    })
    .await;
    let due = "SELECT (SELECT count(*) FROM orders.reconciliations WHERE due_at <= now())
                   + (SELECT count(*) FROM orders.findings WHERE due_at <= now())
                   + (SELECT count(*) FROM payments.gateway_events WHERE applied_at IS NULL AND due_at <= now())";
    until("nothing is due", async || database.number(due).await == 0).await;
}

/// Makes an hour pass for both installations, in steps of ten minutes.
async fn an_hour_passes(first: Option<&StoreDatabase>, second: &StoreDatabase) {
    for _ in 0..6 {
        for database in first.into_iter().chain([second]) {
            pass(database, 10).await;
            at_rest(database).await;
        }
    }
}

async fn sell(customer: &Customer) -> String {
    let placed = customer.place(&new_key(), &small_order()).await;
    placed.assert_created();
    placed.order_id()
}

fn authenticating() -> Value {
    with(
        small_order(),
        "creditCardNumber",
        json!(AUTHENTICATING_CARD),
    )
}

/// The open orders of the first installation.
struct Open {
    /// Waits for its customer.
    waiting: String,
    /// Is being refunded, but the gateway does not answer yet.
    refunding: String,
    /// Its confirmation was lost.
    lost: String,
    paid: Vec<String>,
}

impl Open {
    async fn of(shop: &Shop) -> Self {
        let customer = shop.customer();
        let paid = vec![sell(&customer).await, sell(&customer).await];
        let refunding = sell(&customer).await;
        let down = json!({ "type": "error_before", "status": 503 });
        shop.sandbox.always("refund", down).await;
        let refund = shop.refund(&refunding, &new_key(), &all()).await;
        assert_eq!(refund.status, 202, "{refund:?}");
        let waiting = customer.place(&new_key(), &authenticating()).await;
        waiting.assert_pending();
        let down = json!([
            { "operation": "refund", "action": { "type": "error_before", "status": 503 }, "times": null },
            { "operation": "confirm", "action": { "type": "error_before", "status": 500 } },
        ]);
        shop.sandbox.plan(down).await;
        let lost = customer.place(&new_key(), &small_order()).await;
        lost.assert_pending();
        Self {
            waiting: waiting.order_id(),
            refunding,
            lost: lost.order_id(),
            paid,
        }
    }

    fn ids(&self) -> Vec<String> {
        let mut ids = self.paid.clone();
        ids.extend([&self.waiting, &self.refunding, &self.lost].map(Clone::clone));
        ids
    }
}

async fn customer_finishes(shop: &Shop, order_id: &str) {
    let intent = shop.sandbox.order(order_id).await["intents"][0]["id"].clone();
    shop.sandbox
        .settle(intent.as_str().unwrap(), "succeeded")
        .await;
}

/// The second installation sells, and its bank is late with the money of an order that has already failed.
async fn sells_and_refunds_a_late_charge_of_its_own(shop: &Shop, second: &Second) -> String {
    let customer = shop.customer_of(&second.api);
    sell(&customer).await;
    let late = json!({ "type": "late_effect", "ms": 50 });
    shop.sandbox.once("confirm", late).await;
    let placed = customer.place(&new_key(), &small_order()).await;
    placed.assert_pending();
    let late = placed.order_id();
    until("the order fails", async || {
        pass(&second.database, 2).await;
        second.database.status(&late).await == "FAILED"
    })
    .await;
    shop.sandbox.release().await;
    until("its own late charge is refunded", async || {
        let (captured, refunded) = shop.sandbox.money(&late).await;
        captured > 0 && captured == refunded
    })
    .await;
    late
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Database {
    Empty,
    Copied,
}

/// Runs two installations for an hour. The gateway sends its events to the wrong one.
async fn share_the_account(made: Database, tenant: &'static str) {
    let mut shop = Shop::open_with(&WORKING).await;
    let open = Open::of(&shop).await;
    let database = match made {
        Database::Empty => StoreDatabase::create().await,
        Database::Copied => shop.database.copy().await,
    };
    let second = Second::start(&shop, database, tenant).await;
    let moves = second.moves_of(&open.ids()).await;
    shop.sandbox.report_to(&second.api.url, SECRET).await;

    // The second installation works for half an hour while the first one is idle.
    for _ in 0..3 {
        pass(&second.database, 10).await;
        at_rest(&second.database).await;
    }
    assert_eq!(shop.sandbox.refunds().await, 0);
    assert_eq!(
        shop.sandbox.last_status(&open.waiting).await,
        "requires_action"
    );
    assert_eq!(
        shop.sandbox.last_status(&open.lost).await,
        "requires_payment_method"
    );

    let since = shop.customer();
    sell(&since).await;
    customer_finishes(&shop, &open.waiting).await;
    sells_and_refunds_a_late_charge_of_its_own(&shop, &second).await;
    an_hour_passes(Some(&shop.database), &second.database).await;

    // One refund of the first installation, which its customer requested, and the late one of the second.
    assert_eq!(shop.sandbox.refunds().await, 2);
    for (order_id, status) in [
        (&open.waiting, "PAID"),
        (&open.lost, "FAILED"),
        (&open.refunding, "REFUNDED"),
        (&open.paid[0], "PAID"),
        (&open.paid[1], "PAID"),
    ] {
        assert_eq!(shop.database.status(order_id).await, status);
        if made == Database::Copied {
            assert_eq!(second.database.status(order_id).await, status);
        }
    }
    assert_eq!(second.moves_of(&open.ids()).await, moves);
    // Each reports the orders that the other has sold since, and does not touch them.
    let reported = |findings: Vec<Vec<String>>| {
        let kinds = findings.into_iter().flatten();
        kinds.filter(|it| it == "charge_without_order none").count()
    };
    assert!(reported(shop.database.rows(FINDINGS).await) >= 1);
    assert!(reported(second.database.rows(FINDINGS).await) >= 1);
    assert_invariants(&shop.database).await;
    assert_invariants(&second.database).await;
    assert_eq!(second.tenant, tenant);
    shop.api.process.kill();
}

#[tokio::test]
async fn an_empty_installation_with_the_same_tenant_refunds_only_its_own_orders() {
    share_the_account(Database::Empty, TENANT).await;
}

#[tokio::test]
async fn an_empty_installation_with_another_tenant_refunds_only_its_own_orders() {
    share_the_account(Database::Empty, OTHER_TENANT).await;
}

#[tokio::test]
async fn a_copied_installation_with_the_same_tenant_refunds_only_its_own_orders() {
    share_the_account(Database::Copied, TENANT).await;
}

#[tokio::test]
async fn a_copied_installation_with_another_tenant_refunds_only_its_own_orders() {
    share_the_account(Database::Copied, OTHER_TENANT).await;
}

/// A database restored from a backup of the first installation, which sold more afterwards and is gone.
async fn restore(tenant: &'static str) -> (Shop, Open, Vec<String>, Second) {
    let mut shop = Shop::open_with(&WORKING).await;
    let open = Open::of(&shop).await;
    let backup = shop.database.copy().await;
    let customer = shop.customer();
    let lost = vec![sell(&customer).await, sell(&customer).await];
    shop.api.process.kill();
    shop.sandbox.release().await;
    // Charges are dated in whole seconds, and so is the backup's newest attempt.
    let older = "UPDATE payments.attempts SET created_at = created_at - interval '2 seconds'";
    backup.execute(older).await;
    let second = Second::start(&shop, backup, tenant).await;
    (shop, open, lost, second)
}

async fn refund_nothing_before_an_operator_takes_over(tenant: &'static str) {
    let (shop, open, lost, second) = restore(tenant).await;
    an_hour_passes(None, &second.database).await;
    assert_eq!(shop.sandbox.refunds().await, 0);
    assert_eq!(
        shop.sandbox.last_status(&open.waiting).await,
        "requires_action"
    );
    assert_eq!(
        shop.sandbox.last_status(&open.lost).await,
        "requires_payment_method"
    );
    let sql = "SELECT detail FROM orders.findings WHERE kind = 'charge_without_order' AND action = 'none'";
    let details = second.database.rows(sql).await;
    assert_eq!(details.len(), lost.len(), "{details:?}");
    for detail in details.iter().flatten() {
        let restored = "this database was probably restored from a backup";
        assert!(detail.contains(restored), "{detail}");
    }
    let named = "SELECT count(*) FROM orders.findings f, installation.identity i WHERE f.installation_id = i.id";
    assert_eq!(second.database.number(named).await, 2);
    let gauge = "oms_installation_undecided_copy";
    assert_eq!(
        shop.metric_of(&second.api, gauge).await.as_deref(),
        Some("1")
    );

    let decided = second.decide("take-over").await;
    assert!(decided.status.success(), "{decided:?}");
    assert!(decided.stdout.contains("the original"), "{decided:?}");
    an_hour_passes(None, &second.database).await;
    for (order_id, status) in [
        (&open.waiting, "FAILED"),
        (&open.lost, "FAILED"),
        (&open.refunding, "REFUNDED"),
    ] {
        assert_eq!(second.database.status(order_id).await, status);
    }
    assert_eq!(shop.sandbox.refunds().await, 1);
    assert_eq!(shop.sandbox.last_status(&open.waiting).await, "canceled");
    assert_invariants(&second.database).await;
}

#[tokio::test]
async fn a_restored_installation_settles_nothing_before_an_operator_takes_over() {
    refund_nothing_before_an_operator_takes_over(TENANT).await;
}

#[tokio::test]
async fn a_restored_installation_with_another_tenant_settles_nothing_before_an_operator_takes_over()
{
    refund_nothing_before_an_operator_takes_over(OTHER_TENANT).await;
}

#[tokio::test]
async fn a_separated_copy_never_touches_inherited_payments_and_has_its_own_id() {
    let mut shop = Shop::open_with(&WORKING).await;
    let open = Open::of(&shop).await;
    let second = shop.database.copy().await;
    let id = "SELECT id FROM installation.identity";
    let first_id = shop.database.rows(id).await;
    assert_eq!(second.rows(id).await, first_id);
    let decided = installation(&second, "separate").await;
    assert!(decided.status.success(), "{decided:?}");
    assert!(decided.stdout.contains("separate: "), "{decided:?}");
    assert_ne!(second.rows(id).await, first_id);

    let second = Second::start(&shop, second, TENANT).await;
    let moves = second.moves_of(&open.ids()).await;
    an_hour_passes(None, &second.database).await;
    assert_eq!(second.moves_of(&open.ids()).await, moves);
    assert_eq!(shop.sandbox.refunds().await, 0);
    // Taking over a copy of the separated copy does not give it the payments that the separated copy gave up.
    let mut database = second.database;
    let third = database.copy().await;
    let shown = installation(&third, "show").await;
    assert!(shown.stdout.contains("a copy: "), "{shown:?}");
    let decided = installation(&third, "take-over").await;
    assert!(decided.stdout.contains("separate: "), "{decided:?}");
}

#[tokio::test]
async fn an_installation_names_itself_in_the_metadata_of_its_payments() {
    let shop = Shop::open().await;
    let order_id = sell(&shop.customer()).await;
    let shown = installation(&shop.database, "show").await;
    let id = shown.stdout.lines().next().unwrap();
    let id = id.strip_prefix("installation ").unwrap().to_owned();
    assert!(Uuid::parse_str(&id).is_ok(), "{shown:?}");
    assert!(shown.stdout.contains("the original"), "{shown:?}");
    let order = shop.sandbox.order(&order_id).await;
    let intent = order["intents"][0]["id"].as_str().unwrap();
    let intent = shop
        .sandbox
        .read(&format!("payment_intents/{intent}"))
        .await;
    assert_eq!(intent["metadata"]["installation_id"], json!(id));
    // The ID is the same after a restart, and when all migrations are already applied.
    let mut migrate = command(&shop.database.url(), "http://127.0.0.1:1", &[]);
    migrate.arg("migrate");
    assert!(Process::start(migrate).ended().await.status.success());
    assert_eq!(
        installation(&shop.database, "show").await.stdout,
        shown.stdout
    );
}
