//! Reverse reconciliation: compares the gateway's charges with our orders, by the worker and by `oms-api reconcile`.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures_util::future::join;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer::Answer;
use crate::api::command;
use crate::eventually::{eventually, until};
use crate::invariants::assert_invariants;
use crate::process::{Exit, Process};
use crate::request::{new_key, small_order};
use crate::shop::{Shop, seed_as};

/// The only tenant of an installation.
const TENANT: &str = "00000000-0000-4000-8000-000000000001";
const WORKING: (&str, &str) = ("OMS_RECONCILE_INTERVAL_MS", "50");

fn in_seconds(seconds: i64) -> String {
    let now: DateTime<Utc> = SystemTime::now().into();
    let time = now + TimeDelta::seconds(seconds);
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl Shop {
    async fn reconcile_between(&self, from: &str, to: &str) -> Exit {
        let mut command = command(&self.database.url(), &self.sandbox.url, &[]);
        command.args(["reconcile", "--from", from, "--to", to]);
        Process::start(command).ended().await
    }

    /// Compares everything that a test did, including the current second.
    async fn reconcile(&self) -> Exit {
        self.reconcile_between(&in_seconds(-3600), &in_seconds(1))
            .await
    }

    /// `kind state action` of each finding, sorted.
    async fn findings(&self) -> Vec<String> {
        let sql = "SELECT concat_ws(' ', kind, CASE WHEN resolved_at IS NULL THEN 'open' ELSE 'resolved' END, action)
                   FROM orders.findings ORDER BY 1";
        let rows = self.database.rows(sql).await;
        rows.into_iter().flatten().collect()
    }

    /// A paid order and the gateway's reference of its payment.
    async fn paid_order(&self) -> (String, String) {
        let placed = self.place_new(&small_order()).await;
        placed.assert_created();
        let order_id = placed.order_id();
        let sql = format!("SELECT reference FROM payments.attempts WHERE order_id = '{order_id}'");
        let reference = self.database.rows(&sql).await[0][0].clone();
        (order_id, reference)
    }

    /// An order that failed after its payment was cancelled.
    async fn failed(&mut self) -> String {
        let lost = json!({ "type": "error_before", "status": 500 });
        self.sandbox.once("confirm", lost).await;
        let placed = self.place_new(&small_order()).await;
        placed.assert_pending();
        self.sweep().await;
        let order_id = placed.order_id();
        assert_eq!(self.database.status(&order_id).await, "FAILED");
        order_id
    }

    async fn resolve_finding(&self, id: &str, body: &Value) -> Answer {
        let path = format!("/operations/findings/{id}/resolve");
        let request = self.customer().post(&path).json(body);
        // One key per request body, so that repeating a request has no further effect.
        let request = request.header("idempotency-key", format!("{id} {body}"));
        Answer::of(request.send().await.unwrap()).await
    }
}

fn assert_exit(exit: &Exit, code: i32, summary: &str) {
    assert_eq!(exit.status.code(), Some(code), "{exit:?}");
    assert!(exit.stdout.ends_with(summary), "{exit:?}");
    // Progress is shown only in a terminal.
    assert_eq!(exit.stderr, "", "{exit:?}");
}

#[tokio::test]
async fn matching_charges_and_orders_cause_no_findings() {
    let shop = Shop::open().await;
    for _ in 0..3 {
        shop.paid_order().await;
    }
    let summary = "3 charges compared, 0 orders looked up: 0 new findings, 0 settled, 0 open";
    assert_exit(&shop.reconcile().await, 0, summary);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_charge_that_arrives_after_our_cancellation_is_refunded_with_one_alert() {
    let mut shop = Shop::open().await;
    let late = json!({ "type": "late_effect", "ms": 50 });
    shop.sandbox.once("confirm", late).await;
    let placed = shop.place_new(&small_order()).await;
    placed.assert_pending();
    let order_id = placed.order_id();
    shop.sweep().await;
    assert_eq!(shop.database.status(&order_id).await, "FAILED");
    shop.sandbox.release().await;
    until("the charge arrives", async || {
        shop.sandbox.charged(&order_id).await.0 == 1
    })
    .await;

    shop.api.process.kill();
    shop.restart(&[WORKING]).await;
    until("the charge is refunded", async || {
        let order = shop.sandbox.order(&order_id).await;
        order["refundedMinor"] == order["capturedMinor"] && order["refundedMinor"] != 0
    })
    .await;
    let resolved = ["charge_on_ended_order resolved refund"];
    until("the finding is resolved", async || {
        shop.findings().await == resolved
    })
    .await;
    until("the metrics show it", async || {
        let series = "oms_reconciliation_findings_total{kind=\"charge_on_ended_order\"}";
        let open = shop.metric("oms_reconciliation_open_findings").await;
        let found = shop.metric(series).await;
        (found.as_deref(), open.as_deref()) == (Some("1"), Some("0"))
    })
    .await;
    let charges = shop.metric("oms_reconciliation_charges_total").await;
    assert!(charges.unwrap().parse::<u64>().unwrap() >= 1);
    assert!(
        shop.metric("oms_reconciled_until_age_seconds")
            .await
            .is_some()
    );

    assert_eq!(shop.reconcile().await.status.code(), Some(0));
    let sql = "SELECT subject_type, subject_id = (SELECT id FROM orders.findings)
               FROM events.records WHERE type = 'finding.opened'";
    assert_eq!(shop.database.rows(sql).await, [["finding", "t"]]);
    assert_eq!(shop.sandbox.refunds().await, 1);
    assert_invariants(&shop.database).await;
}

#[tokio::test]
async fn a_late_charge_of_any_tenant_is_refunded_by_an_instance_of_another() {
    let other = "00000000-0000-4000-8000-000000000002";
    let mut shop = Shop::open().await;
    seed_as(&shop.database, other).await;
    let theirs = shop.another_api(&[("OMS_TENANT_ID", other)]).await;
    let late = json!({ "type": "late_effect", "ms": 50 });
    shop.sandbox.once("confirm", late).await;
    let placed = shop
        .customer_of(&theirs)
        .place(&new_key(), &small_order())
        .await;
    placed.assert_pending();
    let order_id = placed.order_id();
    drop(theirs);
    shop.sweep().await;
    assert_eq!(shop.database.status(&order_id).await, "FAILED");
    shop.sandbox.release().await;
    until("the charge arrives", async || {
        shop.sandbox.charged(&order_id).await.0 == 1
    })
    .await;

    shop.api.process.kill();
    shop.restart(&[WORKING]).await;
    until("the charge is refunded", async || {
        let (captured, refunded) = shop.sandbox.money(&order_id).await;
        captured > 0 && captured == refunded
    })
    .await;
    let resolved = ["charge_on_ended_order resolved refund"];
    until("the finding is resolved", async || {
        shop.findings().await == resolved
    })
    .await;
    let owner = "SELECT tenant_id FROM orders.findings";
    assert_eq!(shop.database.rows(owner).await, [[other]]);
    assert_invariants(&shop.database).await;
}

#[tokio::test]
async fn an_authorisation_without_an_attempt_is_reported_and_not_voided() {
    let mut shop = Shop::open().await;
    let order_id = shop.failed().await;
    let authorised = shop
        .sandbox
        .call(
            "payment_intents",
            &[
                ("amount", "700"),
                ("currency", "usd"),
                ("capture_method", "manual"),
                ("confirm", "true"),
                ("payment_method", "pm_card_visa"),
                ("metadata[order_id]", &order_id),
                ("metadata[tenant_id]", TENANT),
            ],
        )
        .await;
    assert_eq!(authorised["status"], "requires_capture");
    let summary = "1 charges compared, 0 orders looked up: 1 new findings, 0 settled, 1 open";
    assert_exit(&shop.reconcile().await, 2, summary);
    assert_eq!(
        shop.findings().await,
        ["authorisation_on_ended_order open none"]
    );
    assert_eq!(
        shop.sandbox.last_status(&order_id).await,
        "requires_capture"
    );
    assert_invariants(&shop.database).await;
}

#[tokio::test]
async fn an_authorisation_of_a_failed_order_is_voided() {
    let mut shop = Shop::open().await;
    let order_id = shop.failed().await;
    let authorised = shop
        .sandbox
        .call(
            "payment_intents",
            &[
                ("amount", "700"),
                ("currency", "usd"),
                ("capture_method", "manual"),
                ("confirm", "true"),
                ("payment_method", "pm_card_visa"),
            ],
        )
        .await;
    // As if the order's attempt had been made with this payment.
    let reference = authorised["id"].as_str().unwrap();
    let sql = format!(
        "UPDATE payments.attempts SET reference = '{reference}' WHERE order_id = '{order_id}'"
    );
    shop.database.execute(&sql).await;
    let summary = "1 charges compared, 0 orders looked up: 1 new findings, 1 settled, 0 open";
    assert_exit(&shop.reconcile().await, 0, summary);
    assert_eq!(
        shop.findings().await,
        ["authorisation_on_ended_order resolved void"]
    );
    let summary = "1 charges compared, 0 orders looked up: 0 new findings, 0 settled, 0 open";
    assert_exit(&shop.reconcile().await, 0, summary);
    assert_invariants(&shop.database).await;
}

#[tokio::test]
async fn charges_without_an_attempt_are_reported_but_never_refunded() {
    let shop = Shop::open().await;
    let (order_id, _) = shop.paid_order().await;
    shop.sandbox.charge(700).await;
    let unknown = Uuid::new_v4().to_string();
    for metadata in [
        json!({ "tenant_id": TENANT, "order_id": unknown }),
        json!({ "tenant_id": TENANT, "order_id": order_id }),
        json!({ "tenant_id": Uuid::new_v4(), "order_id": unknown }),
        json!({ "order_id": unknown }),
    ] {
        shop.sandbox.charge_for(300, metadata).await;
    }
    let summary = "6 charges compared, 0 orders looked up: 5 new findings, 0 settled, 5 open";
    let first = shop.reconcile().await;
    assert_exit(&first, 2, summary);
    let lines: Vec<&str> = first.stdout.lines().collect();
    assert_eq!(lines.len(), 1 + 5 + 2, "{first:?}");
    assert!(lines[0].starts_with("finding ") && lines[0].ends_with(" found"));
    assert_eq!(shop.sandbox.refunds().await, 0);

    let again = shop.reconcile().await;
    let summary = "6 charges compared, 0 orders looked up: 0 new findings, 0 settled, 5 open";
    assert_exit(&again, 2, summary);
    assert_invariants(&shop.database).await;

    let open = shop
        .get("/operations/findings?kind=charge_without_order&limit=3")
        .await;
    assert_eq!(open.status, 200, "{open:?}");
    let cursor = open.body["nextCursor"].as_str().unwrap();
    let rest = shop
        .get(&format!("/operations/findings?cursor={cursor}"))
        .await;
    assert!(rest.body.get("nextCursor").is_none(), "{rest:?}");
    let all = shop.get("/operations/findings?state=all").await;
    assert_eq!(all.body["items"].as_array().unwrap().len(), 5);
    let items = [&open.body["items"], &rest.body["items"]];
    for item in items.into_iter().flat_map(|it| it.as_array().unwrap()) {
        let id = item["id"].as_str().unwrap();
        assert_eq!(
            (&item["state"], &item["action"]),
            (&json!("open"), &json!("none"))
        );
        let shown = shop.get(&format!("/operations/findings/{id}")).await;
        assert_eq!(shown.body, *item);
        shop.resolve_finding(id, &json!({ "reason": " " }))
            .await
            .assert_problem(400, "request.invalid");
        let resolved = shop
            .resolve_finding(id, &json!({ "reason": "the web shop's" }))
            .await;
        assert_eq!(resolved.status, 200, "{resolved:?}");
        assert_eq!(resolved.body["resolved"]["by"], "operator:local");
        assert_eq!(resolved.body["note"], "the web shop's");
        let repeated = shop
            .resolve_finding(id, &json!({ "reason": "the web shop's" }))
            .await;
        assert_eq!(repeated.header("idempotent-replayed"), Some("true"));
        assert_eq!((repeated.status, &repeated.body), (200, &resolved.body));
        let twice = shop
            .resolve_finding(id, &json!({ "reason": "again" }))
            .await;
        assert_eq!(
            (twice.status, twice.code()),
            (409, "orders.finding_resolved")
        );
    }
    shop.get(&format!("/operations/findings/{unknown}"))
        .await
        .assert_problem(404, "orders.finding_not_found");
    shop.get("/operations/findings?kind=odd")
        .await
        .assert_problem(400, "request.invalid");
    assert_eq!(shop.reconcile().await.status.code(), Some(0));
}

#[tokio::test]
async fn a_wrong_amount_and_a_paid_order_without_a_charge_need_an_operator() {
    let shop = Shop::open().await;
    let (order_id, _) = shop.paid_order().await;
    shop.sandbox
        .tamper(&order_id, json!({ "amountReceived": 1 }))
        .await;
    let summary = "1 charges compared, 0 orders looked up: 1 new findings, 0 settled, 1 open";
    let exit = shop.reconcile().await;
    assert_exit(&exit, 2, summary);
    assert!(exit.stdout.contains(&order_id) && exit.stdout.contains("  1 USD"));
    assert_eq!(shop.findings().await, ["amount_mismatch open none"]);

    shop.sandbox.reset().await;
    let summary = "0 charges compared, 1 orders looked up: 1 new findings, 0 settled, 2 open";
    assert_exit(&shop.reconcile().await, 2, summary);
    let expected = ["amount_mismatch open none", "paid_without_charge open none"];
    assert_eq!(shop.findings().await, expected);
    let sql = "SELECT count(*) FROM orders.events WHERE actor = 'reconciler' AND from_status = 'PAID' AND to_status = 'PAID'";
    assert_eq!(shop.database.number(sql).await, 2);
    assert_invariants(&shop.database).await;
}

#[tokio::test]
async fn a_comparison_reads_many_pages_and_continues_after_a_gateway_failure() {
    let mut shop = Shop::open().await;
    for _ in 0..205 {
        shop.sandbox.charge(700).await;
    }
    // The first page is answered, the second is not.
    let down = json!([{
        "operation": "list", "action": { "type": "error_before", "status": 503 }, "skip": 1, "times": null,
    }]);
    shop.sandbox.plan(down).await;
    let exit = shop.reconcile().await;
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    assert!(
        exit.stderr.starts_with("oms-api: can't compare: "),
        "{exit:?}"
    );
    let (findings, alerts) = counts(&shop).await;
    assert_eq!((findings, alerts), (100, 100));

    shop.sandbox.release().await;
    shop.api.process.kill();
    shop.restart(&[WORKING]).await;
    eventually("the worker continues", async || {
        (counts(&shop).await.0 == 205).then_some(())
    })
    .await;
    let exit = shop.reconcile().await;
    let summary = "205 charges compared, 0 orders looked up: 0 new findings, 0 settled, 205 open";
    assert_exit(&exit, 2, summary);
    assert_eq!(counts(&shop).await, (205, 205));
    assert_eq!(shop.sandbox.refunds().await, 0);
}

async fn counts(shop: &Shop) -> (i64, i64) {
    (
        shop.database
            .number("SELECT count(*) FROM orders.findings")
            .await,
        shop.database
            .number("SELECT count(*) FROM events.records WHERE type = 'finding.opened'")
            .await,
    )
}

#[tokio::test]
async fn two_comparisons_at_the_same_time_write_each_finding_once_and_refund_once() {
    const LATE: u64 = 5;
    let mut shop = Shop::open().await;
    for _ in 0..LATE {
        let late = json!({ "type": "late_effect", "ms": 50 });
        shop.sandbox.once("confirm", late).await;
        shop.place_new(&small_order()).await.assert_pending();
    }
    shop.sweep().await;
    shop.sandbox.release().await;
    until("the charges arrive", async || {
        shop.sandbox.charges().await == LATE
    })
    .await;
    for _ in 0..20 {
        let metadata = json!({ "tenant_id": TENANT, "order_id": Uuid::new_v4() });
        shop.sandbox.charge_for(300, metadata).await;
    }
    let (left, right) = join(shop.reconcile(), shop.reconcile()).await;
    for exit in [&left, &right] {
        assert_eq!(exit.status.code(), Some(2), "{exit:?}");
    }
    let summary = "25 charges compared, 0 orders looked up: 0 new findings, 0 settled, 20 open";
    assert_exit(&shop.reconcile().await, 2, summary);
    assert_eq!(counts(&shop).await, (25, 25));
    assert_eq!(shop.sandbox.refunds().await, LATE);
    assert_invariants(&shop.database).await;
}

#[tokio::test]
async fn an_invalid_window_is_refused_with_the_reason() {
    let shop = Shop::open().await;
    let now = in_seconds(0);
    for (from, to, reason) in [
        (
            now.as_str(),
            now.as_str(),
            "the end must be at least one second after the start",
        ),
        (
            "2026-01-02T00:00:00Z",
            "2026-01-01T00:00:00Z",
            "the end must be at least one second after the start",
        ),
        (
            "2000-01-01T00:00:00Z",
            "2001-01-02T00:00:01Z",
            "longer than 366 days",
        ),
        (now.as_str(), &in_seconds(3600), "must not be in the future"),
    ] {
        let exit = shop.reconcile_between(from, to).await;
        assert_eq!(exit.status.code(), Some(1), "{exit:?}");
        assert!(exit.stderr.contains(reason), "{exit:?}");
    }
    let exit = shop.reconcile_between("yesterday", &now).await;
    assert_eq!(exit.status.code(), Some(1), "{exit:?}");
    assert!(exit.stderr.contains("must be a time such as"), "{exit:?}");
    assert_eq!(counts(&shop).await, (0, 0));
}
