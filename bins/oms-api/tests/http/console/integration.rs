//! The pages of webhooks and events.

use serde_json::json;

use super::desk::Desk;
use crate::answer::Answer;
use crate::eventually::until;
use crate::receiver::{Manner, Receiver};
use crate::request::{new_key, small_order};
use crate::shop::Shop;

const SCOPES: &str = "webhooks:read webhooks:write events:read orders:read";

async fn endpoint(shop: &Shop, url: &str) -> String {
    let request = shop.customer().post("/webhook-endpoints");
    let request = request.header("idempotency-key", new_key());
    let body = json!({ "url": format!("{url}/hook?token=secret"), "types": ["order.*"] });
    let created = Answer::of(request.json(&body).send().await.unwrap()).await;
    assert_eq!(created.status, 201, "{created:?}");
    created.body["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_endpoint_shows_what_it_answered_and_what_it_has_not_received() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", SCOPES).await;
    let receiver = Receiver::start(Manner::Answers(400)).await;
    let id = endpoint(&shop, &receiver.url).await;
    let path = format!("/console/webhooks/{id}");
    let list = desk.page("/console/webhooks").await;
    assert!(list.contains(&path) && list.contains("/hook<"), "{list}");
    assert!(!list.contains("token=secret"), "{list}");

    let order = shop.place_new(&small_order()).await.order_id();
    until("the delivery is shown", async || {
        desk.page(&path).await.contains("Send now")
    })
    .await;
    let page = desk.page(&path).await;
    for text in ["order.placed", "Rejected with 400", "Retrying"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let event = page.split("name=\"event\" value=\"").nth(1).unwrap();
    let event = event.split('"').next().unwrap();
    let resolve = format!("{path}/deliveries");
    let skipped = desk
        .post(&resolve, &[("event", event), ("what", "skip")])
        .await;
    let back = |word: &str| format!("{path}?done={word}");
    let place = |answer: &Answer| answer.header("location").map(str::to_owned);
    assert_eq!(place(&skipped), Some(back("skip")), "{skipped:?}");
    receiver.becomes(Manner::Answers(204));
    until("the event does not wait any more", async || {
        let again = desk
            .post(&resolve, &[("event", event), ("what", "retry")])
            .await;
        place(&again) == Some(back("gone"))
    })
    .await;
    let page = desk.page(&back("gone")).await;
    assert!(page.contains("The event does not wait any more."), "{page}");
    let nothing = desk
        .post(&resolve, &[("event", "none"), ("what", "skip")])
        .await;
    assert_eq!(nothing.status, 400, "{nothing:?}");

    // The page of the order says the same, and also what of it is not there any more.
    let order = format!("/console/orders/{order}");
    let resolve = format!("{order}/deliveries");
    let late = [("event", event), ("endpoint", &id), ("what", "skip")];
    let gone = desk.post(&resolve, &late).await;
    let back = format!("{order}?done=gone");
    assert_eq!(place(&gone), Some(back.clone()), "{gone:?}");
    let page = desk.page(&back).await;
    assert!(page.contains("The event does not wait any more."), "{page}");
    let deleted = shop
        .customer()
        .request(reqwest::Method::DELETE, &format!("/webhook-endpoints/{id}"));
    let deleted = deleted.header("if-match", "*").send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    let late = desk.post(&resolve, &late).await;
    assert_eq!(late.status, 404, "{late:?}");
    for text in ["Webhook endpoint not found", "What is going on"] {
        assert!(late.text.contains(text), "{text}: {}", late.text);
    }
    let unknown = format!("/console/orders/{}/deliveries", new_key());
    let unknown = desk
        .post(
            &unknown,
            &[("event", event), ("endpoint", &id), ("what", "skip")],
        )
        .await;
    assert_eq!(unknown.status, 404, "{unknown:?}");
    assert!(unknown.text.contains("Order not found"), "{}", unknown.text);
}

#[tokio::test]
async fn an_endpoint_is_tested_paused_enabled_and_gets_a_new_secret() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", SCOPES).await;
    let receiver = Receiver::start(Manner::Answers(204)).await;
    let id = endpoint(&shop, &receiver.url).await;
    let path = format!("/console/webhooks/{id}");
    let tested = desk.post(&format!("{path}/test"), &[]).await;
    assert_eq!(tested.status, 200, "{tested:?}");
    assert!(
        tested.text.contains("The test event was delivered."),
        "{}",
        tested.text
    );

    let version = async || {
        let page = desk.page(&path).await;
        let version = page.split("name=\"version\" value=\"").nth(1).unwrap();
        version.split('"').next().unwrap().to_owned()
    };
    for (status, state) in [("paused", "Paused"), ("enabled", "Enabled")] {
        let version = version().await;
        let form = [("version", version.as_str()), ("status", status)];
        // The button was pressed twice.
        for _ in 0..2 {
            let set = desk.post(&format!("{path}/status"), &form).await;
            assert_eq!(set.status, 303, "{set:?}");
        }
        let page = desk.page(&path).await;
        assert!(page.contains(state), "{page}");
        let by = page.contains("Paused by operator:ann");
        assert_eq!(by, status == "paused", "{page}");
    }
    let page = desk.page(&path).await;
    for text in ["<del>Enabled</del>", "Paused</ins>", "Wait, in their order"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    for (from, status) in [("latest", 303), ("yesterday", 400)] {
        let version = version().await;
        let form = [
            ("version", version.as_str()),
            ("status", "enabled"),
            ("from", from),
        ];
        let set = desk.post(&format!("{path}/status"), &form).await;
        assert_eq!(set.status, status, "{from}: {set:?}");
    }
    let stale = [("version", "999"), ("status", "paused")];
    let stale = desk.post(&format!("{path}/status"), &stale).await;
    assert_eq!(stale.status, 412, "{stale:?}");

    let version = version().await;
    let form = [("version", version.as_str()), ("key", "once")];
    let rotated = desk.post(&format!("{path}/secret"), &form).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    assert!(rotated.text.contains("whsec_"), "{}", rotated.text);
    assert!(!desk.page(&path).await.contains("whsec_"));
}

#[tokio::test]
async fn the_feed_is_shown_as_a_consumer_sees_it() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", SCOPES).await;
    assert!(desk.page("/console/events").await.contains("Events"));
    let order = shop.place_new(&small_order()).await.order_id();
    for path in ["/console/events", "/console/events?after=earliest"] {
        until("the event is in the feed", async || {
            desk.page(path).await.contains(&order)
        })
        .await;
        let page = desk.page(path).await;
        assert!(
            page.contains("order.placed") && page.contains("&#34;sequence&#34;"),
            "{page}"
        );
    }
    assert_eq!(desk.get("/console/events?after=nonsense").await.status, 400);
    // A link that was opened when the events after its place had been deleted.
    let first = shop.events("after=earliest&limit=1").await;
    let cursor = first.body["cursor"].as_str().unwrap();
    let deleted = "UPDATE events.heads SET purged_to = position";
    shop.database.execute(deleted).await;
    let page = desk.page(&format!("/console/events?after={cursor}")).await;
    assert!(page.contains("deleted because of their age"), "{page}");
}
