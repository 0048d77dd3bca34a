//! `kill -9` of the API around the commit of the relay: each event gets one position.

use crate::api::{FAILPOINTS, command, dies_at};
use crate::events::feed::types;
use crate::process::Process;
use crate::shop::Shop;

async fn feed_after_dying_at(place: &str) -> Vec<serde_json::Value> {
    let mut shop = Shop::open().await;
    shop.paid().await;
    assert_eq!(shop.whole_feed().await.len(), 2);
    shop.api.process.kill();
    // What this instance appends is not relayed before it dies.
    let again = "INSERT INTO events.outbox (tenant_id, id, subject_ids, numbers)
         SELECT tenant_id, gen_random_uuid(), subject_ids, numbers FROM events.segments;
         DELETE FROM events.segments; UPDATE events.heads SET position = 0";
    shop.database.execute(again).await;
    let dying = [(FAILPOINTS, dies_at(place))];
    let dying = dying
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let api = command(&shop.database.url(), &shop.sandbox.url, &dying);
    Process::start(api).ended().await;
    shop.restart(&[]).await;
    shop.whole_feed().await
}

#[tokio::test]
async fn events_are_relayed_once_after_a_kill_before_the_commit() {
    let feed = feed_after_dying_at("events.relaying").await;
    assert_eq!(types(&feed), ["order.placed", "order.paid"]);
}

#[tokio::test]
async fn events_are_relayed_once_after_a_kill_after_the_commit() {
    let feed = feed_after_dying_at("events.relayed").await;
    assert_eq!(types(&feed), ["order.placed", "order.paid"]);
}
