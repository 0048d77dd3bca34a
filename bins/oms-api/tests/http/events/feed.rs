//! Reading the feed over HTTP.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::eventually::until;
use crate::keys::{PRODUCTION, STRANGERS, TENANT, make_key_with};
use crate::request::{new_key, small_order};
use crate::shop::Shop;

impl Shop {
    /// The events after a cursor.
    pub async fn events(&self, query: &str) -> Answer {
        let answer = self.get(&format!("/events?{query}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// Everything that the feed has, once the relay has seen all.
    pub async fn whole_feed(&self) -> Vec<Value> {
        until("everything is relayed", async || {
            let waiting = "SELECT count(*)::text FROM events.outbox";
            self.database.rows(waiting).await == [["0"]]
        })
        .await;
        let (mut all, mut after) = (Vec::new(), "earliest".to_owned());
        loop {
            let page = self.events(&format!("after={after}&limit=3")).await.body;
            all.extend(page["items"].as_array().unwrap().clone());
            after = page["cursor"].as_str().unwrap().to_owned();
            if page["hasMore"] == false {
                return all;
            }
        }
    }
}

/// The types of events.
pub fn types(events: &[Value]) -> Vec<&str> {
    let names = events.iter().map(|event| event["type"].as_str().unwrap());
    names.collect()
}

#[tokio::test]
async fn an_order_is_in_the_feed_and_each_event_can_be_read_by_its_id() {
    let shop = Shop::open().await;
    let order_id = shop.paid().await;
    let feed = shop.whole_feed().await;
    assert_eq!(types(&feed), ["order.placed", "order.paid"]);
    for (event, sequence) in feed.iter().zip(1..) {
        let id = event["id"].as_str().unwrap();
        assert_eq!(id, format!("evt_{}_{sequence}", order_id.replace('-', "")));
        assert_eq!(event["subject"], json!({ "type": "order", "id": order_id }));
        assert_eq!(event["sequence"], sequence);
        assert_eq!(event["data"]["orderId"], order_id.as_str());
        assert_eq!(event["tenantId"], TENANT);
        assert_eq!(shop.get(&format!("/events/{id}")).await.body, *event);
    }
    assert_eq!(feed[1]["data"]["fromStatus"], "PENDING_PAYMENT");
    assert_eq!(feed[1]["data"]["status"], "PAID");
    let relayed = shop
        .metric("oms_events_relayed_total{outcome=\"relayed\"}")
        .await;
    assert_eq!(relayed.as_deref(), Some("2"));
}

#[tokio::test]
async fn a_filter_selects_types_and_subjects() {
    let shop = Shop::open().await;
    shop.paid().await;
    let order_id = shop.paid().await;
    shop.whole_feed().await;
    let paid = shop.events("after=earliest&types=order.paid").await.body;
    let items = paid["items"].as_array().unwrap();
    assert_eq!(types(items), ["order.paid", "order.paid"]);
    let of_one = format!("after=earliest&types=order.*&subjectId={order_id}");
    let of_one = shop.events(&of_one).await.body;
    let items = of_one["items"].as_array().unwrap();
    assert_eq!(types(items), ["order.placed", "order.paid"]);
    assert_eq!(of_one["cursor"], paid["cursor"]);
    let none = shop.events("after=earliest&types=shipment.*").await.body;
    assert_eq!(none["items"], json!([]));
    assert_eq!(none["cursor"], paid["cursor"]);
    let latest = shop.events("after=latest").await.body;
    assert_eq!(latest["cursor"], paid["cursor"]);
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let shop = Shop::open().await;
    for (query, field) in [
        ("", "after"),
        ("after=first", "after"),
        ("after=0000000000000001", "after"),
        ("after=earliest&types=order", "types"),
        ("after=earliest&types=order.lost", "types"),
        ("after=earliest&subjectId=7", "subjectId"),
        ("after=earliest&limit=0", "limit"),
        ("after=earliest&limit=501", "limit"),
        ("after=earliest&wait=26", "wait"),
        ("after=earliest&wait=-1", "wait"),
        ("after=earliest&page=2", "page"),
    ] {
        let refused = shop.get(&format!("/events?{query}")).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{query}");
    }
    for id in ["evt_1", "x", "evt_00000000000000000000000000000001_1"] {
        let refused = shop.get(&format!("/events/{id}")).await;
        refused.assert_problem(404, "events.not_found");
    }
}

#[tokio::test]
async fn a_cursor_before_deleted_events_is_refused() {
    let mut shop = Shop::open().await;
    shop.paid().await;
    assert_eq!(shop.whole_feed().await.len(), 2);
    let age = "UPDATE events.segments SET written_at = now() - interval '8 days'";
    shop.database.execute(age).await;
    shop.api.process.kill();
    // The first turn of the worker deletes what is old.
    shop.restart(&[("OMS_EVENTS_RETENTION_DAYS", "7")]).await;
    until("the segments are deleted", async || {
        let left = "SELECT count(*)::text FROM events.segments";
        shop.database.rows(left).await == [["0"]]
    })
    .await;
    let refused = shop.get("/events?after=e0000000000000001").await;
    refused.assert_problem(410, "events.cursor_expired");
    let page = shop.events("after=earliest").await.body;
    assert_eq!(page["items"], json!([]));
    assert_eq!(shop.events("after=e0000000000000002").await.body, page);
}

#[tokio::test]
async fn another_tenant_reads_nothing() {
    let mut shop = Shop::open().await;
    let order_id = shop.paid().await;
    shop.whole_feed().await;
    let scope = "events:read";
    let own = make_key_with(&shop.database, PRODUCTION, TENANT, "own", scope).await;
    let strange = make_key_with(&shop.database, PRODUCTION, STRANGERS, "strange", scope).await;
    shop.api.process.kill();
    shop.restart(PRODUCTION).await;
    let id = format!("/events/evt_{}_1", order_id.replace('-', ""));
    for (key, found, status) in [(own, 2, 200), (strange, 0, 404)] {
        let get = async |path: &str| {
            let request = shop.customer().request(reqwest::Method::GET, path);
            Answer::of(request.bearer_auth(&key).send().await.unwrap()).await
        };
        let page = get("/events?after=earliest").await;
        assert_eq!(
            page.body["items"].as_array().unwrap().len(),
            found,
            "{page:?}"
        );
        assert_eq!(get(&id).await.status, status);
    }
}

#[tokio::test]
async fn orders_that_are_placed_together_are_all_in_the_feed() {
    let shop = Shop::open().await;
    let order = small_order();
    let placing = (0..20).map(|_| shop.place_new(&order));
    for placed in futures_util::future::join_all(placing).await {
        placed.assert_created();
    }
    let feed = shop.whole_feed().await;
    let mut told = types(&feed);
    told.sort_unstable();
    assert_eq!(
        told,
        [vec!["order.paid"; 20], vec!["order.placed"; 20]].concat()
    );
    // A repeated request changes nothing.
    let key = new_key();
    shop.place(&key, &order).await.assert_created();
    shop.place(&key, &order).await;
    assert_eq!(shop.whole_feed().await.len(), 42);
}
