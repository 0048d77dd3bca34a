//! Concurrent requests of many customers.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Barrier;

use crate::answer::Answer;
use crate::api::SWEEPING;
use crate::request::{ATLANTA, GADGET_C, WIDGET_A, new_key, order};
use crate::shop::{Customer, Shop};
use crate::stock::{ATLANTA_WAREHOUSE, Stock};

/// Sends all requests at the same moment.
async fn all_at_once(shop: &Shop, requests: Vec<(String, Value)>, send: Send) -> Vec<Answer> {
    let barrier = Arc::new(Barrier::new(requests.len()));
    let customers: Vec<_> = requests
        .into_iter()
        .map(|(key, order)| {
            let (customer, barrier): (Customer, _) = (shop.customer(), barrier.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                match send {
                    Send::UntilKept => customer.place_persistently(&key, &order).await,
                    Send::UntilDefinite => customer.place_until_definite(&key, &order).await,
                }
            })
        })
        .collect();
    let mut answers = Vec::new();
    for customer in customers {
        answers.push(customer.await.unwrap());
    }
    answers
}

/// How often a request is repeated.
#[derive(Clone, Copy)]
enum Send {
    /// Until the server has processed it and kept something.
    UntilKept,
    /// Until its outcome is known.
    UntilDefinite,
}

#[tokio::test]
async fn exactly_50_of_200_buyers_get_the_last_50_units() {
    // The sweeper settles orders that an overloaded server has deferred.
    let settings = [
        SWEEPING,
        ("OMS_SWEEP_AFTER_MS", "15000"),
        ("OMS_DATABASE_MAX_CONNECTIONS", "20"),
    ];
    let shop = Shop::open_with(&settings).await;
    shop.database
        .leave_only_in(ATLANTA_WAREHOUSE, WIDGET_A)
        .await;
    let one = order(ATLANTA, &[(WIDGET_A, 1)]);
    let requests = (0..200).map(|_| (new_key(), one.clone())).collect();
    let answers = all_at_once(&shop, requests, Send::UntilDefinite).await;

    let (refused, bought): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 422);
    for answer in &refused {
        answer.assert_problem(422, "orders.no_single_warehouse");
    }
    for answer in &bought {
        match answer.status {
            201 => answer.assert_created(),
            _ => answer.assert_replayed(&answer.order_id()),
        }
    }
    let orders: BTreeSet<String> = bought.iter().map(|answer| answer.order_id()).collect();
    assert_eq!((orders.len(), refused.len()), (50, 150));
    let stock = shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await;
    assert_eq!(
        stock,
        Stock {
            on_hand: 50,
            reserved: 50
        }
    );
    assert_eq!(shop.sandbox.charges().await, 50);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn one_of_50_concurrent_requests_with_one_key_places_the_order() {
    let shop = Shop::open().await;
    let key = new_key();
    let gadget = order(ATLANTA, &[(GADGET_C, 3)]);
    let requests = (0..50).map(|_| (key.clone(), gadget.clone())).collect();
    let answers = all_at_once(&shop, requests, Send::UntilKept).await;

    let placed: Vec<&Answer> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .collect();
    assert_eq!(placed.len(), 1, "{answers:?}");
    let order_id = placed[0].order_id();
    for answer in &answers {
        match answer.status {
            201 => answer.assert_created(),
            200 => answer.assert_replayed(&order_id),
            _ => answer.assert_in_progress(),
        }
        assert_eq!(answer.order_id(), order_id);
    }
    assert_eq!(shop.database.orders().await, 1);
    assert_eq!(shop.sandbox.charged(&order_id).await, (1, 6000));
    assert_eq!(shop.database.reserved(GADGET_C).await, 3);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_different_body_among_50_concurrent_requests_with_one_key_is_refused() {
    let shop = Shop::open().await;
    let key = new_key();
    // The order exists before the race, held at the gateway, so that it is clear which body differs.
    let gadget = order(ATLANTA, &[(GADGET_C, 3)]);
    shop.sandbox.hold("confirm").await;
    let (customer, first) = (shop.customer(), (key.clone(), gadget.clone()));
    let first = tokio::spawn(async move { customer.place(&first.0, &first.1).await });
    shop.sandbox.called("confirm", 1).await;
    let mut requests: Vec<_> = (0..49).map(|_| (key.clone(), gadget.clone())).collect();
    requests.insert(25, (key.clone(), order(ATLANTA, &[(GADGET_C, 4)])));
    let answers = all_at_once(&shop, requests, Send::UntilKept).await;

    for (index, answer) in answers.iter().enumerate() {
        match index {
            25 => answer.assert_problem(422, "orders.idempotency_key_reused"),
            _ => answer.assert_in_progress(),
        }
    }
    shop.sandbox.release().await;
    first.await.unwrap().assert_created();
    assert_eq!(shop.database.orders().await, 1);
    assert_eq!(shop.database.reserved(GADGET_C).await, 3);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn two_bodies_that_race_for_one_key_place_one_order() {
    let shop = Shop::open().await;
    let key = new_key();
    let requests = (0..50)
        .map(|number| (key.clone(), order(ATLANTA, &[(GADGET_C, 1 + number % 2)])))
        .collect();
    let answers = all_at_once(&shop, requests, Send::UntilKept).await;

    let winner = answers
        .iter()
        .position(|answer| answer.status == 201)
        .unwrap();
    for (index, answer) in answers.iter().enumerate() {
        let same_body = index % 2 == winner % 2;
        match (same_body, answer.status) {
            (true, 201) => assert_eq!(index, winner),
            (true, 200) => answer.assert_replayed(&answers[winner].order_id()),
            (true, _) => answer.assert_in_progress(),
            (false, _) => answer.assert_problem(422, "orders.idempotency_key_reused"),
        }
    }
    assert_eq!(shop.database.orders().await, 1);
    shop.assert_consistent().await;
}
