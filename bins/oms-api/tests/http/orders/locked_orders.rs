//! Requests for an order that another session has locked: they wait without connections, which stay free for others.

use serde_json::json;
use tokio::task::JoinHandle;

use crate::answer::Answer;
use crate::eventually::until;
use crate::giving_back::all;
use crate::request::{new_key, small_order};
use crate::shop::{Customer, Shop};

/// More requests than the tests' pool has connections.
const REQUESTS: usize = 20;

fn each<F>(shop: &Shop, request: impl Fn(Customer) -> F) -> Vec<JoinHandle<Answer>>
where
    F: Future<Output = Answer> + Send + 'static,
{
    (0..REQUESTS)
        .map(|_| tokio::spawn(request(shop.customer())))
        .collect()
}

fn requests(shop: &Shop, order_id: &str) -> Vec<JoinHandle<Answer>> {
    let (id, other) = (order_id.to_owned(), order_id.to_owned());
    let mut requests = each(shop, move |customer| {
        let id = id.clone();
        async move { customer.cancel(&id).await }
    });
    requests.extend(each(shop, move |customer| {
        let id = other.clone();
        async move { customer.refund(&id, &new_key(), &all()).await }
    }));
    requests
}

/// Returns once some of the requests wait for the lock.
async fn met(shop: &Shop) {
    until("requests wait for the lock", async || {
        let failures = "oms_database_failures_total{reason=\"lock_timeout\"}";
        let met = shop.metric(failures).await;
        met.is_some_and(|met| met.parse::<u64>().unwrap() >= 3)
    })
    .await;
}

#[tokio::test]
async fn requests_for_a_locked_order_wait_without_connections() {
    let shop = Shop::open().await;
    let order_id = shop.paid().await;
    let locked = shop.database.lock_order(&order_id).await;
    let waiting = requests(&shop, &order_id);
    met(&shop).await;
    // If the waiting requests held connections, these would be answered only after the lock.
    for _ in 0..3 {
        shop.place_new(&small_order()).await.assert_created();
        assert_eq!(shop.get("/orders").await.status, 200);
        assert_eq!(shop.get(&format!("/orders/{order_id}")).await.status, 200);
    }
    assert!(waiting.iter().any(|request| !request.is_finished()));
    drop(locked);
    let mut answers = Vec::new();
    for answer in waiting {
        let answer = answer.await.unwrap();
        let code = answer.body["code"].as_str().unwrap_or_default().to_owned();
        let refusals = [
            "orders.not_refundable",
            "orders.not_cancellable",
            "orders.refund_in_progress",
        ];
        let is_expected =
            [200, 201, 202].contains(&answer.status) || refusals.contains(&code.as_str());
        assert!(is_expected, "{answer:?}");
        answers.push(answer);
    }
    assert!(answers.iter().any(|answer| answer.status < 300));
    let status = shop.settled(&order_id).await;
    assert!(
        ["CANCELLED", "REFUNDED"].contains(&status.as_str()),
        "{status}"
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_order_that_stays_locked_is_reported_as_contended() {
    let shop = Shop::open_with(&[("OMS_INTAKE_TIMEOUT_MS", "1500")]).await;
    let order_id = shop.paid().await;
    let dead_letter = json!({ "orderId": order_id, "reason": "stuck" });
    let locked = shop.database.lock_order(&order_id).await;
    let waiting = requests(&shop, &order_id);
    let stuck = shop
        .post_once("/operations/dead-letters", &new_key(), &dead_letter)
        .await;
    stuck.assert_problem(503, "orders.contended");
    for answer in waiting {
        let answer = answer.await.unwrap();
        answer.assert_problem(503, "orders.contended");
        assert_eq!(answer.body["retryable"], true, "{answer:?}");
        assert_eq!(answer.retry_after(), Some(1), "{answer:?}");
    }
    drop(locked);
    // Nothing was done.
    assert_eq!(shop.database.status(&order_id).await, "PAID");
    assert_eq!(shop.cancel(&order_id).await.status, 200);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn another_payment_for_a_locked_order_waits_without_a_connection() {
    let hold = [("OMS_DECLINE_POLICY", "hold")];
    let shop = Shop::open_with(&hold).await;
    let declined = crate::request::with(
        small_order(),
        "creditCardNumber",
        json!(crate::request::DECLINED_CARD),
    );
    let held = shop.place_new(&declined).await;
    assert_eq!(held.status, 402, "{held:?}");
    let order_id = held.order_id();
    let locked = shop.database.lock_order(&order_id).await;
    let path = format!("/orders/{order_id}/payment");
    let waiting = each(&shop, move |customer| {
        let path = path.clone();
        async move {
            let body = json!({ "creditCardNumber": crate::request::CARD });
            customer.post_once(&path, &new_key(), &body).await
        }
    });
    met(&shop).await;
    shop.place_new(&small_order()).await.assert_created();
    drop(locked);
    let mut paid = 0;
    for answer in waiting {
        let answer = answer.await.unwrap();
        assert!(answer.status < 500, "{answer:?}");
        paid += usize::from(answer.status == 201);
    }
    assert!(paid <= 1, "{paid} requests paid one order");
    until("the order is paid", async || {
        shop.database.status(&order_id).await == "PAID"
    })
    .await;
    shop.assert_consistent().await;
}
