//! What events promise: their schemas, and that they never change.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::events::feed::types;
use crate::invariants::shop_of_all_kinds;
use crate::request::{ATLANTA, CUSTOMER, new_key};
use crate::shop::Shop;

/// The schemas of `GET /event-types`, by type.
async fn schemas(shop: &Shop) -> BTreeMap<String, jsonschema::Validator> {
    let listed = shop.get("/event-types").await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let items = listed.body["items"].as_array().unwrap().iter();
    let schema = |item: &Value| {
        let name = item["type"].as_str().unwrap().to_owned();
        (name, jsonschema::draft202012::new(&item["schema"]).unwrap())
    };
    items.map(schema).collect()
}

async fn erase(shop: &Shop) {
    let path = format!("/customers/{CUSTOMER}/erase");
    let body = json!({ "includeRecentlyPaid": true });
    let request = shop.customer().post(&path).json(&body);
    let erased = Answer::of(request.send().await.unwrap()).await;
    assert!(erased.status < 300, "{erased:?}");
    assert!(
        erased.body["erasedOrders"].as_i64().unwrap() > 0,
        "{erased:?}"
    );
}

#[tokio::test]
async fn every_event_has_its_schema_and_an_erasure_changes_none() {
    let shop = shop_of_all_kinds().await;
    let before = shop.whole_feed().await;
    let known = schemas(&shop).await;
    for event in &before {
        let schema = &known[event["type"].as_str().unwrap()];
        let errors: Vec<String> = schema.iter_errors(event).map(|it| it.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{event}");
        let text = event.to_string();
        assert!(text.len() <= 8192, "{text}");
        for personal in [CUSTOMER, ATLANTA] {
            assert!(!text.contains(personal), "{text}");
        }
    }
    let told: BTreeSet<&str> = types(&before).into_iter().collect();
    for wanted in [
        "order.placed",
        "order.paid",
        "order.failed",
        "order.cancelling",
        "order.cancelled",
        "order.refunding",
        "order.refund_ended",
        "order.refunded",
        "order.noted",
        "dead_letter.opened",
        "shipment.shipped",
        "shipment.delivered",
        "shipment.cancelled",
        "fulfilment_order.moved",
        "fulfilment_order.rejected",
        "return.approved",
        "return.received",
        "stock.moved",
    ] {
        assert!(told.contains(wanted), "{wanted} is not in {told:?}");
    }
    erase(&shop).await;
    let after = shop.whole_feed().await;
    assert_eq!(after[..before.len()], before);
    let new: BTreeSet<&str> = types(&after[before.len()..]).into_iter().collect();
    assert_eq!(new, BTreeSet::from(["order.noted"]));
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_resolved_dead_letter_is_told() {
    let shop = shop_of_all_kinds().await;
    let listed = shop.get("/operations/dead-letters").await.body;
    let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
    let body = json!({ "as": "failed", "reason": "nobody answers" });
    let path = format!("/operations/dead-letters/{id}/resolve");
    let resolved = shop.post_once(&path, &new_key(), &body).await;
    assert_eq!(resolved.status, 200, "{resolved:?}");
    let told = shop
        .events(&format!(
            "after=earliest&types=dead_letter.*&subjectId={id}"
        ))
        .await;
    let told = told.body["items"].as_array().unwrap().clone();
    let told = match told.len() {
        2 => told,
        _ => {
            let all = shop.whole_feed().await.into_iter();
            all.filter(|event| event["subject"]["id"] == id.as_str())
                .collect()
        }
    };
    assert_eq!(types(&told), ["dead_letter.opened", "dead_letter.resolved"]);
    assert_eq!(told[1]["data"]["resolution"], "failed");
    assert!(told[0].get("sequence").is_none(), "{told:?}");
}
