//! Clients that request much and read little.

use std::fs;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::credentials::strangers::peak_kb;
use crate::eventually::until;
use crate::raw::RawConnection;
use crate::request::small_order;
use crate::shop::Shop;

/// The largest file that is served: more than a megabyte.
const BUNDLE: &str = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Connections that request the bundle several times and read nothing.
async fn greedy(shop: &Shop, clients: usize) -> Vec<RawConnection> {
    let requests = BUNDLE.repeat(16);
    let clients = (0..clients).map(async |_| {
        let mut connection = RawConnection::open_with_small_buffer(&shop.api.url).await;
        connection.send(requests.as_bytes()).await;
        connection
    });
    join_all(clients).await
}

/// The number of open sockets of the API.
fn sockets(shop: &Shop) -> usize {
    let files = fs::read_dir(format!("/proc/{}/fd", shop.api.process.id())).unwrap();
    let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    targets
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

#[tokio::test]
async fn clients_that_do_not_read_cost_little_and_are_disconnected() {
    let shop = Shop::open_with(&[("OMS_SEND_TIMEOUT_MS", "3000")]).await;
    shop.place_new(&small_order()).await.assert_created();
    let (sockets_before, memory_before) = (sockets(&shop), peak_kb(shop.api.process.id()));
    let clients = greedy(&shop, 300).await;
    shop.place_new(&small_order()).await.assert_created();
    until("the clients are disconnected", async || {
        sockets(&shop) <= sockets_before + 10
    })
    .await;
    let grown = peak_kb(shop.api.process.id()) - memory_before;
    assert!(grown < 60 * 1024, "300 clients cost {grown} KiB");
    shop.place_new(&small_order()).await.assert_created();
    drop(clients);
}

#[tokio::test]
async fn connections_of_slow_readers_become_free_for_others() {
    let shop = Shop::open_with(&[
        ("OMS_SEND_TIMEOUT_MS", "1000"),
        ("OMS_MAX_CONNECTIONS", "20"),
    ])
    .await;
    // There is one worker per core.
    let clients = greedy(&shop, 20 * cores()).await;
    assert_eq!(shop.get("/health/live").await.status, 200);
    drop(clients);
}

fn cores() -> usize {
    std::thread::available_parallelism().unwrap().get()
}

#[tokio::test]
async fn a_stopping_process_does_not_wait_for_slow_readers() {
    let mut shop = Shop::open_with(&[
        ("OMS_SEND_TIMEOUT_MS", "600000"),
        ("OMS_SHUTDOWN_TIMEOUT_MS", "600000"),
    ])
    .await;
    let clients = greedy(&shop, 20).await;
    shop.api.process.terminate();
    let exit = shop.api.process.ended().await;
    assert_eq!(exit.status.code(), Some(0), "{exit:?}");
    drop(clients);
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_its_whole_answer() {
    let shop = Shop::open_with(&[("OMS_SEND_TIMEOUT_MS", "2000")]).await;
    let whole = shop.get("/docs/swagger-ui-bundle.js").await.text;
    let mut connection = RawConnection::open_with_small_buffer(&shop.api.url).await;
    let request = BUNDLE.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    connection.send(request.as_bytes()).await;
    let started = Instant::now();
    let mut answer = Vec::new();
    // In pieces of twice the size that it must read per second.
    while connection.read_some(&mut answer, 64 * 1024).await {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert!(
        started.elapsed() > Duration::from_secs(3),
        "the answer arrived too quickly to prove anything"
    );
    let answer = String::from_utf8(answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.len(), whole.len());
    assert!(body == whole, "the answers differ");
}
