//! Clients that disconnect.

use std::fs;
use std::net::SocketAddr;

use crate::eventually::{eventually, until};
use crate::raw::{RawConnection, post};
use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::Shop;

/// The inode of the server's socket of a connection.
fn server_socket(shop: &Shop, client: SocketAddr) -> Option<String> {
    let port = format!(":{:04X}", client.port());
    let api_port = shop
        .api
        .url
        .rsplit_once(':')
        .unwrap()
        .1
        .parse::<u16>()
        .unwrap();
    let api_port = format!(":{api_port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let columns = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut connections =
        columns.filter(|columns| columns[1].ends_with(&api_port) && columns[2].ends_with(&port));
    let inode = connections.next()?[9].to_owned();
    Some(format!("socket:[{inode}]"))
}

/// Whether the API still has this socket open.
fn has_open(shop: &Shop, socket: &str) -> bool {
    let folder = format!("/proc/{}/fd", shop.api.process.id());
    let files = fs::read_dir(folder).unwrap();
    let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    targets
        .into_iter()
        .any(|target| target.as_os_str() == socket)
}

/// Sends an order, waits until its payment is being confirmed, and resets the connection. Returns once the server has
/// noticed, so that its handler was dropped.
async fn place_and_reset(shop: &Shop, key: &str) {
    let calls = shop.sandbox.calls("confirm").await;
    let mut connection = RawConnection::open(&shop.api.url).await;
    connection
        .send(post(key, &small_order().to_string()).as_bytes())
        .await;
    shop.sandbox.called("confirm", calls + 1).await;
    let client = connection.local_address();
    let socket = eventually("the server's end of the connection", async || {
        server_socket(shop, client)
    })
    .await;
    assert!(has_open(shop, &socket));
    connection.reset();
    until("the server closes its end", async || {
        !has_open(shop, &socket)
    })
    .await;
}

#[tokio::test]
async fn an_order_whose_client_resets_its_connection_is_paid_without_a_sweeper() {
    let shop = Shop::open().await;
    shop.sandbox.hold("confirm").await;
    let key = new_key();
    place_and_reset(&shop, &key).await;
    let order_id = shop.pending_order().await;
    shop.sandbox.release().await;
    assert_eq!(shop.ended(&order_id).await, "PAID");
    let events = shop.database.rows("SELECT actor FROM orders.events").await;
    assert_eq!(events, [["api:local"], ["api:local"]]);
    shop.place(&key, &small_order())
        .await
        .assert_replayed(&order_id);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn an_order_whose_client_disconnected_is_finished_before_the_process_stops() {
    let mut shop = Shop::open().await;
    shop.sandbox.hold("confirm").await;
    place_and_reset(&shop, &new_key()).await;
    let order_id = shop.pending_order().await;
    shop.api.process.terminate();
    shop.api.logged("stopping: no new connections").await;
    shop.sandbox.release().await;
    let exit = shop.api.process.ended().await;
    assert!(exit.status.success(), "{exit:?}");
    assert_eq!(shop.database.status(&order_id).await, "PAID");
    // The log is complete now: no client was left to be answered.
    assert!(
        !exit.stdout.contains("\"method\":\"POST\""),
        "{}",
        exit.stdout
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_client_that_reconnects_after_a_reset_gets_its_order() {
    let shop = Shop::open().await;
    shop.sandbox.hold("confirm").await;
    let key = new_key();
    place_and_reset(&shop, &key).await;
    shop.place(&key, &small_order()).await.assert_in_progress();
    let order_id = shop.pending_order().await;
    shop.sandbox.release().await;
    shop.ended(&order_id).await;
    shop.place(&key, &small_order())
        .await
        .assert_replayed(&order_id);
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
    shop.assert_consistent().await;
}
