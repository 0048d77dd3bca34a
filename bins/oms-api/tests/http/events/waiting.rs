//! Requests that wait for events.

use futures_util::FutureExt;
use futures_util::future::join_all;

use crate::request::small_order;
use crate::shop::Shop;

#[tokio::test]
async fn a_request_that_waits_is_answered_when_an_order_is_placed() {
    let shop = Shop::open().await;
    let mut after = shop.events("after=latest").await.body["cursor"].clone();
    let mut told: Vec<String> = Vec::new();
    for _ in 0..3 {
        let customer = shop.customer();
        let path = format!("/events?after={}&wait=25", after.as_str().unwrap());
        let waiting = tokio::spawn(async move { customer.get(&path).await });
        shop.place_new(&small_order()).await.assert_created();
        let page = waiting.await.unwrap();
        assert_eq!(page.status, 200, "{page:?}");
        let items = page.body["items"].as_array().unwrap();
        assert!(!items.is_empty(), "{page:?}");
        told.extend(items.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        after = page.body["cursor"].clone();
    }
    while told.len() < 6 {
        let rest = format!("after={}&wait=25", after.as_str().unwrap());
        let page = shop.events(&rest).await.body;
        let items = page["items"].as_array().unwrap();
        told.extend(items.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        after = page["cursor"].clone();
    }
    assert_eq!(told.len(), 6);
}

#[tokio::test]
async fn a_request_that_waits_learns_what_another_instance_relays() {
    let shop = Shop::open().await;
    let other = shop.another_api(&[("OMS_EVENTS_INTERVAL_MS", "100")]).await;
    let reader = shop.customer_of(&other);
    let waiting = tokio::spawn(async move { reader.get("/events?after=earliest&wait=25").await });
    shop.place_new(&small_order()).await.assert_created();
    let page = waiting.await.unwrap();
    assert!(
        !page.body["items"].as_array().unwrap().is_empty(),
        "{page:?}"
    );
}

#[tokio::test]
async fn a_tenant_has_a_limited_number_of_waiting_requests_and_none_keeps_a_connection() {
    // One connection for requests that work, one for the relay.
    let shop = Shop::open_with(&[("OMS_DATABASE_MAX_CONNECTIONS", "2")]).await;
    let customer = shop.customer();
    let wait = || customer.get("/events?after=earliest&wait=25").boxed();
    let all: Vec<_> = (0..21).map(|_| wait()).collect();
    let mut all = futures_util::future::select_all(all);
    let (refused, _, waiting) = (&mut all).await;
    refused.assert_problem(429, "events.too_many_waiting");
    assert_eq!(refused.retry_after(), Some(5));
    shop.place_new(&small_order()).await.assert_created();
    for page in join_all(waiting).await {
        assert_eq!(page.status, 200, "{page:?}");
        assert!(
            !page.body["items"].as_array().unwrap().is_empty(),
            "{page:?}"
        );
    }
}

#[tokio::test]
async fn requests_that_wait_are_answered_when_the_program_stops() {
    let mut shop = Shop::open().await;
    let customer = shop.customer();
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let customer = shop.customer();
            tokio::spawn(async move {
                loop {
                    let page = customer.get("/events?after=earliest&wait=25").await;
                    // The request below had its place for a moment.
                    if page.status != 429 {
                        break page;
                    }
                }
            })
        })
        .collect();
    // When one more is refused, all of them wait.
    crate::eventually::until("all requests wait", async || {
        customer.get("/events?after=earliest&wait=1").await.status == 429
    })
    .await;
    shop.api.process.terminate();
    for page in waiting {
        let page = page.await.unwrap();
        assert_eq!(
            (page.status, &page.body["hasMore"]),
            (200, &false.into()),
            "{page:?}"
        );
    }
    shop.api.process.ended().await;
}
