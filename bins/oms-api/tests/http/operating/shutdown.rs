//! Stopping in order.

use tokio::net::TcpStream;

use crate::eventually::until;
use crate::request::{new_key, small_order};
use crate::shop::Shop;

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_process_stops() {
    let mut shop = Shop::open().await;
    shop.sandbox.hold("confirm").await;
    let customers: Vec<_> = (0..3)
        .map(|_| {
            let customer = shop.customer();
            tokio::spawn(async move { customer.place(&new_key(), &small_order()).await })
        })
        .collect();
    shop.sandbox.called("confirm", 3).await;
    shop.api.process.terminate();
    shop.api.logged("stopping: no new connections").await;
    let address = shop.api.url.strip_prefix("http://").unwrap();
    until("no connection is accepted any more", async || {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    assert!(shop.api.process.is_running());
    assert_eq!(shop.pending_orders().await.len(), 3);

    shop.sandbox.release().await;
    for customer in customers {
        customer.await.unwrap().assert_created();
    }
    let exit = shop.api.process.ended().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    assert!(exit.stdout.contains("\"message\":\"stopped\""), "{exit:?}");
    assert!(!exit.stdout.contains("work unfinished"), "{exit:?}");
    assert_eq!(exit.stderr, "");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn after_the_stop_time_out_unfinished_work_is_left_to_the_sweeper() {
    let mut shop = Shop::open_with(&[("OMS_SHUTDOWN_TIMEOUT_MS", "0")]).await;
    shop.sandbox.hold("confirm").await;
    let (key, customer) = (new_key(), shop.customer());
    let cut_off = tokio::spawn({
        let request = customer
            .post("/orders")
            .json(&small_order())
            .header("idempotency-key", &key);
        async move { request.send().await }
    });
    shop.sandbox.called("confirm", 1).await;
    let order_id = shop.pending_order().await;
    shop.api.process.terminate();
    let exit = shop.api.process.ended().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    assert!(
        exit.stdout.contains("stopping with work unfinished"),
        "{exit:?}"
    );
    assert!(cut_off.await.unwrap().is_err());

    shop.sandbox.release().await;
    shop.sweep().await;
    shop.ended(&order_id).await;
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_idle_process_stops_immediately_and_frees_its_port() {
    let mut shop = Shop::open().await;
    shop.place_new(&small_order()).await.assert_created();
    shop.api.process.terminate();
    let exit = shop.api.process.ended().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    let port = shop.api.url.rsplit_once(':').unwrap().1.to_owned();
    shop.restart(&[("OMS_PORT", &port)]).await;
    shop.place_new(&small_order()).await.assert_created();
    assert!(shop.database.connections().await.len() <= 8);
    shop.assert_consistent().await;
}
